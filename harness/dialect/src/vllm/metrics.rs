//! What vLLM tells of its load, in the text format of Prometheus.

use std::fmt::Write;

use crate::about::Load;

/// So many requests are worked on at once by an engine as it comes.
const MOST_AT_ONCE: u64 = 256;

/// The metrics of an engine that serves one model. Nothing waits there: a simulated engine works on whatever it has taken.
pub(crate) fn metrics(model: &str, load: &Load) -> String {
    let mut text = String::new();
    let used = load.running.min(MOST_AT_ONCE) as f64 / MOST_AT_ONCE as f64;
    let counts = [load.running, 0, load.input_tokens, load.output_tokens, load.answered];
    let [running, waiting, input, output, answered] = counts.map(|count| count as f64);
    let labels = format!(r#"engine="0",model_name="{}""#, escaped(model));
    let finished = format!(r#"engine="0",finished_reason="stop",model_name="{}""#, escaped(model));
    for (name, kind, help, labels, value) in [
        ("num_requests_running", "gauge", "Number of requests that the engine works on.", &labels, running),
        ("num_requests_waiting", "gauge", "Number of requests that wait for the engine.", &labels, waiting),
        ("kv_cache_usage_perc", "gauge", "Used part of the KV cache, 1 for all of it.", &labels, used),
        ("prompt_tokens_total", "counter", "Number of tokens of prompts.", &labels, input),
        ("generation_tokens_total", "counter", "Number of tokens of answers.", &labels, output),
        ("request_success_total", "counter", "Number of requests that were answered.", &finished, answered),
    ] {
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "# HELP vllm:{name} {help}\n# TYPE vllm:{name} {kind}\nvllm:{name}{{{labels}}} {value:?}\n"
        );
    }
    text
}

/// A value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_are_written_to_the_letter() {
        let load = Load { running: 64, answered: 3, input_tokens: 70, output_tokens: 12 };
        let text = metrics("a\"b", &load);
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            r#"vllm:num_requests_running{engine="0",model_name="a\"b"} 64.0"#,
            r#"vllm:num_requests_waiting{engine="0",model_name="a\"b"} 0.0"#,
            r#"vllm:kv_cache_usage_perc{engine="0",model_name="a\"b"} 0.25"#,
            r#"vllm:prompt_tokens_total{engine="0",model_name="a\"b"} 70.0"#,
            r#"vllm:generation_tokens_total{engine="0",model_name="a\"b"} 12.0"#,
            r#"vllm:request_success_total{engine="0",finished_reason="stop",model_name="a\"b"} 3.0"#,
        ];
        assert_eq!(values, expected);
        assert!(text.starts_with("# HELP vllm:num_requests_running "), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE ")).count(), expected.len());
    }
}
