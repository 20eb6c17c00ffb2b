//! How a profile says where its target's ledger is read, and how its rows are written.

use scenario::{Named, part, words};

use crate::profile::{Auth, MoneyUnit, UrlPath, ValuePath};

part! {
    /// Where the ledger is read, and how its rows are written.
    "the ledger" => LedgerReading {
        /// The path that answers with it, as JSON. For example `get: /admin/ledger?limit=1000`.
        get: UrlPath,
        /// Who asks. For example `auth: none`.
        auth: Auth = Auth::Admin,
        /// Whether instances that share a store have one ledger together; otherwise each has its own.
        /// For example `shared: true`.
        shared: bool = false,
        /// Which values of the document are rows. For example `rows: "$.rows[*]"`.
        rows: ValuePath,
        /// How the next page is asked for, where it comes in pages.
        /// For example `pages: { next: "$.next", parameter: after }`.
        pages: Option<LedgerPages>,
        /// Where each value stands in a row. For example `fields: { tenant: "$.tenant", cost: "$.cost" }`.
        fields: LedgerFields,
    }
}

part! {
    /// How the next page of a ledger is asked for.
    "the pages of the ledger" => LedgerPages {
        /// Where a page says what comes next; there is no further page where it says nothing.
        /// For example `next: "$.next"`.
        next: ValuePath,
        /// The parameter of the query that takes this value. For example `parameter: after`.
        parameter: String,
    }
}

part! {
    /// Where the values of a ledger's row stand, each as a JSONPath from the row.
    "the fields of the ledger" => LedgerFields {
        /// A text with the correlation mark of the exchange: the caller's own id, or the end of the prompt. If the path finds
        /// several, any of them may hold it: `$['caller_id','prompt_end']`.
        /// For example `exchange: "$['caller_id','prompt']"`.
        exchange: Option<ValuePath>,
        /// Who was charged. For example `tenant: "$.tenant"`.
        tenant: Option<ValuePath>,
        /// The model. For example `model: "$.model"`.
        model: Option<ValuePath>,
        /// The key or deployment that was used. For example `key: "$.key"`.
        key: Option<ValuePath>,
        /// Input tokens that were in no cache. For example `input: "$.tokens.input"`.
        input: Option<ValuePath>,
        /// Input tokens that were read from the cache. For example `cache_read: "$.tokens.cache_read"`.
        cache_read: Option<ValuePath>,
        /// Input tokens that were written to the cache. For example `cache_write: "$.tokens.cache_write"`.
        cache_write: Option<ValuePath>,
        /// Output tokens, those of reasoning included. For example `output: "$.tokens.output"`.
        output: Option<ValuePath>,
        /// Output tokens that were spent on reasoning. For example `reasoning: "$.tokens.reasoning"`.
        reasoning: Option<ValuePath>,
        /// The cost; where a row has none, it is unknown. For example `cost: "$.cost"`.
        cost: Option<ValuePath>,
        /// The unit of the cost. For example `unit: micros`.
        unit: MoneyUnit = MoneyUnit::Usd,
        /// What the ledger says of the row: settled, reserved, and the like. For example `state: "$.state"`.
        state: Option<ValuePath>,
        /// What the target's own words for a state mean; a word that is not here is passed on as it is.
        /// For example `states: { success: settled, pending: reserved }`.
        states: Named<LedgerState>,
        /// The end user of the caller, where the row names one. For example `end_user: "$.end_user"`.
        end_user: Option<ValuePath>,
        /// The tags of the row: every text that the path finds. For example `tags: "$.tags[*]"`.
        tags: Option<ValuePath>,
    }
}

words! {
    /// What a ledger says of a row, in the words of scenarios.
    "a state of the ledger" => LedgerState {
        /// What it cost is known, and charged.
        "settled" => Settled,
        /// An amount is held back for it until its cost is known.
        "reserved" => Reserved,
        /// What was held back is given back, and nothing is charged.
        "released" => Released,
        /// What it cost cannot be known.
        "unknown" => Unknown,
    }
}
