//! What is to be embedded, and the vectors that a simulated provider makes of it.

/// What is to be embedded, and in which form the vectors are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// A number for each text, the same for the same text.
    pub(super) seeds: Vec<u32>,
    /// Whether vectors are told as text in base 64, and not as lists of numbers.
    pub(super) base64: bool,
    /// How long a vector is to be.
    pub(super) dimensions: Option<u32>,
}

/// How long a vector is where nobody says.
const USUAL: u32 = 8;
/// The longest vector.
const MOST: u32 = 4_096;

impl Inputs {
    /// How many texts there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seeds.len()
    }

    /// The vectors, in the order of the texts. Equal texts have equal vectors, and others almost never.
    pub fn vectors(&self) -> impl Iterator<Item = Vec<f32>> {
        let length = self.dimensions.unwrap_or(USUAL).clamp(1, MOST);
        self.seeds.iter().map(move |seed| vector(*seed, length))
    }
}

/// A vector of length one, made from a number.
fn vector(seed: u32, length: u32) -> Vec<f32> {
    let mut state = seed.max(1);
    let mut draw = || {
        // Marsaglia's xorshift: any fixed function of the seed will do.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    let values: Vec<f64> = (0..length).map(|_| draw()).collect();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    values.into_iter().map(|value| (value / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_belongs_to_its_text_and_has_the_length_one() {
        let inputs = Inputs { seeds: vec![7, 6, 7, 0], ..Inputs::default() };
        let vectors: Vec<Vec<f32>> = inputs.vectors().collect();
        assert_eq!((vectors.len(), &vectors[0]), (inputs.count(), &vectors[2]));
        assert_ne!(vectors[0], vectors[1]);
        for vector in &vectors {
            let norm: f32 = vector.iter().map(|value| value * value).sum();
            assert!((norm - 1.0).abs() < 1e-5 && vector.len() == 8, "{vector:?}");
        }
    }

    #[test]
    fn no_vector_is_longer_than_the_longest() {
        for (dimensions, length) in [(0, 1), (3, 3), (u32::MAX, MOST as usize)] {
            let inputs = Inputs { seeds: vec![1], dimensions: Some(dimensions), ..Inputs::default() };
            assert_eq!(inputs.vectors().next().unwrap().len(), length);
        }
    }
}
