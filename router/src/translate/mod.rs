//! Between the dialects of clients and providers, by meaning: each one is read into a middle form that belongs to nobody, and
//! written from it, so that a further dialect needs a reader and a writer and nothing for each of the others.

mod answer;
mod anthropic;
mod gemini;
mod in_turn;
mod openai;
mod piece;
mod request;
mod responses;
mod thinking;

#[cfg(test)]
mod tests;

pub(crate) use answer::TroubleKind;
pub(crate) use request::Untranslatable;

use bytes::Bytes;

use self::anthropic::{EventReader, EventWriter};
use self::gemini::{ContentReader, ContentWriter};
use self::openai::{ChunkReader, ChunkWriter};
use self::piece::{PieceReader, PieceWriter, TranslatedPassage};
use self::responses::ResponseWriter;
use crate::provider::{Dialect, Surface};
use crate::stream::{GeminiFraming, Passage};
use crate::usage::Tally;

/// Anthropic insists on a limit. This one leaves room for a long answer, and every model allows it.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 4096;

/// What a client is told beside the answer itself, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) surface: Surface,
    /// The id of the request, by which an answer is called that has none.
    pub(crate) id: &'a str,
    /// The model that is named where the provider names none.
    pub(crate) model: &'a str,
    /// Whether the client asked for usage at the end of a stream, where its dialect has to.
    pub(crate) usage_wanted: bool,
    pub(crate) framing: GeminiFraming,
}

/// The request in the provider's words, for the provider's model. Whether it streams stands in some surfaces' address.
pub(crate) fn translated_request(
    surface: Surface,
    provider: Dialect,
    body: &[u8],
    model: &str,
    stream: bool,
) -> Result<Bytes, Untranslatable> {
    let request = match surface {
        Surface::Chat => openai::read_request(body)?,
        Surface::Messages => anthropic::read_request(body)?,
        Surface::Generate => gemini::read_request(body, stream)?,
        Surface::Responses => responses::read_request(body)?,
        Surface::Embeddings => {
            let problem = "the provider of this model cannot be asked for embeddings";
            return Err(Untranslatable::new("model", problem));
        }
    };
    let bytes = match provider {
        Dialect::Openai => openai::write_request(request, model)?,
        Dialect::Anthropic => anthropic::write_request(request, model)?,
        Dialect::Gemini => gemini::write_request(request)?,
    };
    Ok(Bytes::from(bytes))
}

/// Puts an answer into the client's words and counts it; nothing if the body is no answer.
pub(crate) fn translated_answer(
    telling: Telling<'_>,
    provider: Dialect,
    body: &[u8],
    tally: &mut Tally,
) -> Option<Bytes> {
    let mut answer = match provider {
        Dialect::Openai => openai::read_answer(body, tally)?,
        Dialect::Anthropic => anthropic::read_answer(body, tally)?,
        Dialect::Gemini => gemini::read_answer(body, tally)?,
    };
    if answer.id.is_empty() {
        answer.id = telling.made_up_id();
    }
    if answer.model.is_empty() {
        telling.model.clone_into(&mut answer.model);
    }
    let tokens = tally.tokens();
    let bytes = match telling.surface {
        Surface::Chat => openai::write_answer(answer, tokens).to_string().into_bytes(),
        Surface::Messages => anthropic::write_answer(answer, tokens)?,
        Surface::Generate => gemini::write_answer(answer, tokens)?.to_string().into_bytes(),
        Surface::Responses => responses::write_answer(answer, tokens).to_string().into_bytes(),
        Surface::Embeddings => return None,
    };
    Some(Bytes::from(bytes))
}

/// Carries a stream over into the client's words.
pub(crate) fn translated_stream(telling: Telling<'_>, provider: Dialect) -> Box<dyn Passage> {
    let reader: Box<dyn PieceReader> = match provider {
        Dialect::Openai => Box::new(ChunkReader::default()),
        Dialect::Anthropic => Box::new(EventReader::default()),
        Dialect::Gemini => Box::new(ContentReader::default()),
    };
    let Telling { model, usage_wanted, framing, .. } = telling;
    let id = telling.made_up_id();
    let writer: Box<dyn PieceWriter> = match telling.surface {
        // There are no streams of embeddings.
        Surface::Chat | Surface::Embeddings => Box::new(ChunkWriter::new(id, model, usage_wanted)),
        Surface::Messages => Box::new(EventWriter::new(id, model)),
        Surface::Generate => Box::new(ContentWriter::new(id, model, framing)),
        Surface::Responses => Box::new(ResponseWriter::new(id, model)),
    };
    Box::new(TranslatedPassage { reader, writer, pieces: Vec::new() })
}

impl Telling<'_> {
    fn made_up_id(&self) -> String {
        match self.surface {
            Surface::Chat => format!("chatcmpl-{}", self.id),
            Surface::Messages => format!("msg_{}", self.id),
            Surface::Responses => format!("resp_{}", self.id),
            Surface::Generate | Surface::Embeddings => self.id.to_owned(),
        }
    }
}
