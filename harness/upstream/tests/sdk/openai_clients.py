"""The library `openai` as a client of each provider that speaks its dialect. No client tries anything again by itself."""

import openai

from checks import DOORS


def client(name, **more):
    url, key = DOORS[name]["url"], DOORS[name]["key"]
    if name == "azure":
        return openai.AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21", **more)
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, **more)


CLIENTS = {name: client(name, max_retries=0) for name in ["openai", "azure", "vllm", "ollama"]}
