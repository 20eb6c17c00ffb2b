//! The official libraries for Python, unchanged, against the reference router: each as a client of every provider that the router
//! has, whatever that one speaks, through a door that is open and through one that asks for a tenant's key.
//!
//! Each test plays one script beside this file, as those of the simulated providers do. `.ci/sdk` installs the libraries and
//! runs the tests.

// The same code plays the scripts of both; it stands with the providers, which were checked first.
#[cfg(test)]
#[path = "../../harness/upstream/tests/sdk/script.rs"]
mod script;
#[cfg(test)]
mod stage;

use stage::Stage;

/// Plays a script, which fails where a library reads something else than the script expects.
async fn played(script: &str) {
    let stage = Stage::set().await;
    script::play(&format!("tests/sdk/{script}"), stage.doors()).await;
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_chats_of_every_provider() {
    played("chats.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_responses_of_every_provider() {
    played("responses.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_embeddings() {
    played("embeddings.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn anthropic_reads_messages_of_every_provider() {
    played("messages.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn google_reads_contents_of_every_provider() {
    played("contents.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_raises_what_it_has_for_each_error_of_every_provider() {
    played("errors_of_openai.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn anthropic_raises_what_it_has_for_each_error_of_every_provider() {
    played("errors_of_anthropic.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn google_raises_what_it_has_for_each_error_of_every_provider() {
    played("errors_of_google.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn each_library_reads_what_the_router_itself_refuses() {
    played("refusals.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn each_library_raises_what_ends_a_stream_of_every_provider() {
    played("broken_streams.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn each_library_lists_the_models_and_says_who_it_is() {
    played("models_and_keys.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn each_library_comes_through_when_it_waits_as_it_is_told() {
    played("waits.py").await;
}
