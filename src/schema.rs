//! `stormproof schema`: the JSON Schema of a kind of file, from the types that read it.

use run::Exit;

use crate::args::{SchemaArgs, SchemaKind};
use crate::terminal::say;

/// Prints a schema.
pub(crate) fn schema(args: &SchemaArgs) -> Exit {
    let schema = match args.kind {
        SchemaKind::Scenario => scenario::scenario_schema(),
        SchemaKind::Rules => scenario::rules_schema(),
        SchemaKind::Profile => target::profile_schema(),
    };
    say(&format!("{schema:#}\n"));
    Exit::Sound
}
