//! The list of the models of an Azure resource.

use crate::json::{write_number, write_text};

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let mut body = br#"{"data":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"status":"succeeded","capabilities":{"fine_tune":false,"inference":true,"completion":false,"chat_completion":true,"embeddings":true},"lifecycle_status":"generally-available","id":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","created_at":"#);
        write_number(created, &mut body);
        body.extend_from_slice(br#","object":"model"}"#);
    }
    body.extend_from_slice(br#"],"object":"list"}"#);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_listed_in_their_order() {
        let body: serde_json::Value = serde_json::from_slice(&model_list(["a", "b"], 7)).unwrap();
        let models = body["data"].as_array().unwrap();
        let found: Vec<_> =
            models.iter().map(|model| (model["id"].as_str(), model["created_at"].as_u64())).collect();
        assert_eq!(found, [(Some("a"), Some(7)), (Some("b"), Some(7))]);
        assert_eq!(model_list([], 7), br#"{"data":[],"object":"list"}"#);
    }
}
