"""Contents through the library `google-genai`, plain and streamed, of every provider that the router has."""

from google.genai import types

from checks import TEXT, check, same
from clients import CALLS, USAGE, each, of_google

DECLARED = [
    types.FunctionDeclaration(
        name="weather",
        description="What it is like.",
        parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}),
    ),
    types.FunctionDeclaration(name="clock"),
]
TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=DECLARED)],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def plain(client, model, told="ping pong", **more):
    return client.models.generate_content(model=model, contents=told, **more)


def streamed(client, model, **more):
    return list(client.models.generate_content_stream(model=model, contents="ping pong", **more))


def calls(response):
    return [(call.name, call.args) for call in response.function_calls or []]


def usage(told):
    """Thoughts are counted beside what is said, by providers that tell of them."""
    output = told.candidates_token_count + (told.thoughts_token_count or 0)
    same(told.total_token_count, told.prompt_token_count + output)
    return told.prompt_token_count, told.cached_content_token_count or 0, output


@check
def plain_contents_are_read():
    for client, provider, where in each(of_google):
        response = plain(client, f"{provider}-chat")
        [candidate] = response.candidates
        same((response.text, candidate.content.role, candidate.finish_reason.name), (TEXT, "model", "STOP"), where)
        same(usage(response.usage_metadata), USAGE[provider], where)
        same((response.model_version, bool(response.response_id)), ("chat", True), where)


@check
def every_common_parameter_is_taken():
    for client, provider, where in each(of_google):
        config = types.GenerateContentConfig(
            system_instruction="be brief",
            max_output_tokens=50,
            temperature=0.2,
            top_p=0.9,
            stop_sequences=["END"],
            seed=7,
            candidate_count=1,
        )
        told = [types.UserContent("ping"), types.ModelContent("pong"), types.UserContent("ping")]
        same(plain(client, f"{provider}-chat", told, config=config).text, TEXT, where)


@check
def finishes_are_read():
    for client, provider, where in each(of_google):
        for model, finish in [("length", "MAX_TOKENS"), ("filtered", "SAFETY"), ("tools", "STOP")]:
            same(plain(client, f"{provider}-{model}").candidates[0].finish_reason.name, finish, f"{where}: {model}")
            last = streamed(client, f"{provider}-{model}")[-1]
            same(last.candidates[0].finish_reason.name, finish, f"{where}: {model} streamed")


@check
def a_tool_is_called_and_its_result_is_sent():
    for client, provider, where in each(of_google):
        response = plain(client, f"{provider}-tools", config=TOOLS)
        same(calls(response), CALLS, where)
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"}))
            for call in response.function_calls
        ]
        turns = [types.UserContent("ping"), response.candidates[0].content, types.Content(role="user", parts=results)]
        same(plain(client, f"{provider}-chat", turns, config=TOOLS).text, TEXT, where)
        both = plain(client, f"{provider}-said-and-called", config=TOOLS)
        same((both.candidates[0].content.parts[0].text, calls(both)), ("let me look", [("weather", {"city": "Bern"})]), where)


@check
def streams_are_read():
    for client, provider, where in each(of_google):
        chunks = streamed(client, f"{provider}-chat")
        same("".join(chunk.text or "" for chunk in chunks), TEXT, where)
        same([chunk.candidates[0].finish_reason for chunk in chunks[:-1]], [None] * (len(chunks) - 1), where)
        same((len({chunk.response_id for chunk in chunks}), {chunk.model_version for chunk in chunks}), (1, {"chat"}), where)
        same(usage(chunks[-1].usage_metadata), USAGE[provider], where)


@check
def streamed_calls_come_whole():
    for client, provider, where in each(of_google):
        chunks = streamed(client, f"{provider}-tools", config=TOOLS)
        same([call for chunk in chunks for call in calls(chunk)], CALLS, where)
