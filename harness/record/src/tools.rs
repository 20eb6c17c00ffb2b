//! A hash of calls of tools, so that a row can say whether two answers call the same without holding the calls.

use serde_json::Value;

/// 32-bit FNV-1a, as it is for texts.
const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// Hashes calls, each a name and its arguments as a JSON text, in their order; 0 for no calls.
///
/// Arguments are taken for what they mean: blanks and the order of keys make no difference, and none at all are an empty object.
/// What is no JSON is taken as it is.
#[must_use]
pub fn tools_hash<N, A>(calls: impl IntoIterator<Item = (N, A)>) -> u32
where
    N: AsRef<str>,
    A: AsRef<str>,
{
    calls.into_iter().fold(0, |hash, (name, arguments)| {
        let begun = if hash == 0 { OFFSET } else { hash };
        [name.as_ref(), &meant(arguments.as_ref())].into_iter().fold(begun, add)
    })
}

/// Takes in a text and a zero byte behind it, so that two texts are not the same as one.
fn add(hash: u32, text: &str) -> u32 {
    let bytes = text.bytes().chain([0]);
    bytes.fold(hash, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
}

fn meant(arguments: &str) -> String {
    if arguments.trim().is_empty() {
        return "{}".to_owned();
    }
    match serde_json::from_str::<Value>(arguments) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string()
        }
        Err(_) => arguments.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEATHER: (&str, &str) = ("weather", r#"{"city":"Oslo","days":[1,2]}"#);

    #[test]
    fn the_hash_is_fnv_1a_over_names_and_arguments_with_a_zero_byte_behind_each() {
        let by_hand =
            b"a\0{}\0".iter().fold(OFFSET, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME));
        assert_eq!(tools_hash([("a", "{}")]), by_hand);
        assert_eq!(tools_hash::<&str, &str>([]), 0);
    }

    #[test]
    fn arguments_count_by_what_they_mean() {
        for (arguments, same) in [
            (r#"{"city":"Oslo","days":[1,2]}"#, true),
            ("{ \"city\" : \"Oslo\",\n \"days\" : [1, 2] }", true),
            (r#"{"days":[1,2],"city":"Oslo"}"#, true),
            (r#"{"city":"\u004fslo","days":[1,2]}"#, true),
            (r#"{"city":"Oslo","days":[2,1]}"#, false),
            (r#"{"city":"Oslo"}"#, false),
            (r#"{"city":"Oslo","days":[1,2]"#, false),
            ("", false),
        ] {
            assert_eq!(tools_hash([("weather", arguments)]) == tools_hash([WEATHER]), same, "{arguments}");
        }
        assert_eq!(tools_hash([("a", "")]), tools_hash([("a", "{ }")]), "no arguments are an empty object");
        assert_ne!(tools_hash([("a", "{")]), tools_hash([("a", "{ ")]), "what is no JSON is taken as it is");
    }

    #[test]
    fn names_order_and_boundaries_count() {
        let both = tools_hash([WEATHER, ("time", "{}")]);
        assert_ne!(both, tools_hash([("time", "{}"), WEATHER]));
        assert_ne!(both, tools_hash([WEATHER]));
        assert_ne!(tools_hash([("ab", "c")]), tools_hash([("a", "bc")]));
        assert_ne!(tools_hash([("a", "b"), ("c", "d")]), tools_hash([("a", "bc"), ("", "d")]));
    }
}
