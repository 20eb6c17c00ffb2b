//! The body of an answer: a vector for each text, in the encoding that was asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::{Serving, Usage};
use crate::embeddings::Inputs;
use crate::json::{write_number, write_text, write_value};

/// The body of an answer. There is no output, so that all tokens are those of the texts.
pub(crate) fn answer_body(inputs: &Inputs, usage: Usage, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = br#"{"object":"list","data":["#.to_vec();
    for (index, vector) in inputs.vectors().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"object":"embedding","index":"#);
        write_number(index as u64, &mut body);
        body.extend_from_slice(br#","embedding":"#);
        if inputs.base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            write_text(&STANDARD.encode(bytes), &mut body);
        } else {
            write_value(&vector, &mut body);
        }
        body.push(b'}');
    }
    body.extend_from_slice(br#"],"model":"#);
    write_text(serving.model, &mut body);
    body.extend_from_slice(br#","usage":{"prompt_tokens":"#);
    write_number(usage.whole_input(), &mut body);
    body.extend_from_slice(br#","total_tokens":"#);
    write_number(usage.whole_input(), &mut body);
    body.extend_from_slice(b"}}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embeddings::read_answer;
    use crate::reading::ToldUsage;

    #[test]
    fn vectors_are_read_back_in_either_encoding() {
        let serving = Serving { id: "unused", created: 0, model: "embed" };
        let usage = Usage { input: 7, ..Usage::default() };
        for base64 in [false, true] {
            let inputs = Inputs { seeds: vec![1, 2, 3], base64, dimensions: Some(5) };
            let body = answer_body(&inputs, usage, &serving);
            let read = read_answer(&body).unwrap();
            assert!(inputs.vectors().eq(read.vectors), "{base64}");
            let told = ToldUsage { input: Some(7), ..ToldUsage::default() };
            assert_eq!((read.usage, read.text), (Some(told), None));
        }
    }

    #[test]
    fn an_answer_is_written_to_the_letter() {
        let serving = Serving { id: "unused", created: 0, model: "embed" };
        let inputs = Inputs { seeds: vec![1], base64: false, dimensions: Some(1) };
        let body = answer_body(&inputs, Usage { input: 2, ..Usage::default() }, &serving);
        let expected = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[-1.0]}],"model":"embed","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
