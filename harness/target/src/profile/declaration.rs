//! What a profile says: the target's name and nature, what it claims, and what it confesses.

use scenario::{At, Capability, Dialect, Named, Problem, Read, SchemaBook, Span, part};

use crate::profile::{Bound, CommandLine, KnownFailure, Start, Templated, UrlPath};

part! {
    /// A target: how it is started and configured, what it claims, and what is known of it.
    "a profile" => Declaration {
        /// Its name.
        target: At<String>,
        /// What it is, in a sentence.
        describes: String,
        /// How it tells its version.
        version: Option<VersionCommand>,
        /// How it is started and stopped.
        start: Start,
        /// The dialects in which clients may talk to it.
        speaks: At<Vec<Dialect>>,
        /// The header that it wants of its clients.
        authorization: Option<Authorization>,
        /// Where it answers what; a dialect's own paths if missing.
        paths: Paths = Paths { liveness: None, readiness: None, models: None, chat: None, span: Span::default() },
        /// The capabilities that it has.
        claims: Vec<At<Capability>>,
        /// The numbers that it promises to keep, by name.
        bounds: Named<Bound>,
        /// How a defect is switched on; without it, the target has none.
        defects: Option<Defects>,
        /// The failures that it confesses.
        known_failures: Vec<KnownFailure>,
    }
}

part! {
    /// How a target tells its version.
    "a version" => VersionCommand {
        /// A command that prints it and ends.
        command: CommandLine,
    }
}

part! {
    /// A header that every request to the target carries.
    "an authorization" => Authorization {
        /// Its name.
        header: String,
        /// Its value, as a template.
        value: Templated,
    }
}

part! {
    /// Where a target answers what.
    "the paths" => Paths {
        /// Whether it is alive.
        liveness: Option<UrlPath>,
        /// Whether it is ready.
        readiness: Option<UrlPath>,
        /// The models that it offers.
        models: Option<UrlPath>,
        /// Where chat requests are posted.
        chat: Option<UrlPath>,
    }
}

part! {
    /// How a defect of the target is switched on.
    "the defects" => Defects {
        /// The flag that goes, with the defect's name behind it, to the end of the command.
        flag: String,
    }
}

/// The JSON Schema of a profile's file.
#[must_use]
pub fn profile_schema() -> serde_json::Value {
    let mut book = SchemaBook::default();
    let root = Declaration::schema(&mut book);
    book.finish("https://stormproof.dev/schema/profile.json", "Stormproof target profile", root)
}

impl Declaration {
    /// Tells what is of the right type and still makes no sense.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.speaks.value.is_empty() {
            let problem = Problem::new(self.speaks.span, "a target that speaks no dialect");
            problems.push(problem.help("name at least one: `speaks: [openai]`"));
        }
        for (index, claim) in self.claims.iter().enumerate() {
            if let Some(first) = self.claims[..index].iter().find(|other| other.value == claim.value) {
                let problem = Problem::new(claim.span, format!("`{}` claimed twice", claim.value.word()));
                problems.push(problem.also(first.span, "the first one"));
            }
        }
        self.start.check(problems);
    }
}
