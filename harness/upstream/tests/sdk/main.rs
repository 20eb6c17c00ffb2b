//! The official libraries for Python against the simulated providers: what they read, what they raise, and how long they wait.
//!
//! Each test plays one script beside this file. The script looks at what the library makes of a reply; what the upstreams saw
//! of it, how many attempts and how far apart, is looked at here. `.ci/sdk` installs the libraries and runs the tests.

#[cfg(test)]
mod script;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod waits;

use stage::Stage;

/// Plays a script, which fails where the library reads something else than the script expects, and gives what the upstreams
/// saw by the models that were asked for.
async fn played(script: &str) -> stage::Seen {
    let stage = Stage::set().await;
    script::play(&format!("harness/upstream/tests/sdk/{script}"), stage.doors()).await;
    stage.leave().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_chats_of_all_who_speak_its_dialect() {
    played("openai_chat.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_responses() {
    played("openai_responses.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_reads_embeddings() {
    played("openai_embeddings.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_raises_what_it_has_for_each_error() {
    played("openai_errors.py").await.each_asked_once(&["openai", "azure", "vllm", "ollama"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn openai_waits_as_its_rules_say() {
    waits::OPENAI.compare(&played("openai_waits.py").await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn anthropic_reads_messages() {
    played("anthropic_messages.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn anthropic_raises_what_it_has_for_each_error() {
    played("anthropic_errors.py").await.each_asked_once(&["anthropic"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn anthropic_waits_as_its_rules_say() {
    waits::ANTHROPIC.compare(&played("anthropic_waits.py").await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn google_reads_contents() {
    played("google_contents.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn google_raises_what_it_has_for_each_error() {
    played("google_errors.py").await.each_asked_once(&["gemini"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn google_waits_as_its_rules_say() {
    waits::GOOGLE.compare(&played("google_waits.py").await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the official libraries for Python: run .ci/sdk"]
async fn a_plain_client_reads_ollama_s_own_chat() {
    played("ollama_chat.py").await;
}
