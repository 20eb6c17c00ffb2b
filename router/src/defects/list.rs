//! The list of the defects, in the order in which they are shown.

use super::Defect;

pub(super) const DEFECTS: [Defect; 63] = [
    Defect {
        name: "retries-the-same-key",
        about: "after a 429 the rate-limited key was tried again until the retries were used up, \
                although other keys were untried, and the 429 went to the client",
        cites: "maximhq/bifrost#2654, bestruirui/octopus#245",
        breaks: &["ROT-001", "ROT-003"],
    },
    Defect {
        name: "multiplies-retries",
        about: "the retries of the client library beneath ran inside the router's own loop, so that \
                the two numbers multiplied and one request cost many more attempts than were \
                configured",
        cites: "BerriAI/litellm#7130, BerriAI/litellm#7262, HKUDS/nanobot#2760",
        breaks: &["SPK-002", "RTY-001"],
    },
    Defect {
        name: "gives-up-after-three-keys",
        about: "a request was given up after a fixed number of keys, although an untried one worked",
        cites: "maximhq/bifrost#5876",
        breaks: &["ROT-002"],
    },
    Defect {
        name: "sleeps-before-the-next-key",
        about: "the wait that was meant for the limited key was slept before the next key was tried",
        cites: "maximhq/bifrost#3491, jpsnover/ai-triad-research#1593",
        breaks: &["ROT-005"],
    },
    Defect {
        name: "ignores-weights",
        about: "the weights of the settings were read and not used, so that all keys got the same \
                share",
        cites: "BerriAI/litellm#33329",
        breaks: &["DST-001"],
    },
    Defect {
        name: "ignores-retry-after",
        about: "the provider's Retry-After was read and passed on but not honoured, so the next \
                request was sent with the limited key again",
        cites: "maximhq/bifrost#6971, diegosouzapw/OmniRoute#14573",
        breaks: &["CDN-001", "SPK-001"],
    },
    Defect {
        name: "keeps-the-latest-hint",
        about: "the hint that came last replaced the one before it, so that a short one ended a long \
                cooldown early",
        cites: "BerriAI/litellm#40130",
        breaks: &["CDN-003"],
    },
    Defect {
        name: "trusts-a-key-at-once",
        about: "everything that had waited for a key was sent as soon as its cooldown was over",
        cites: "future-agi/future-agi#2693",
        breaks: &["CDN-007"],
    },
    Defect {
        name: "keeps-cooldowns-to-itself",
        about: "each instance learned of limited keys by itself, so that two of them asked such a key twice as often",
        cites: "BerriAI/litellm#34836",
        breaks: &["CDN-009"],
    },
    Defect {
        name: "hints-one-second",
        about: "with all keys limited the client was told a fixed wait, far earlier than any key was \
                free",
        cites: "BerriAI/litellm#27823, ArsalanDotMe/switchboard-go#5",
        breaks: &["EXH-002"],
    },
    Defect {
        name: "retries-wrong-requests",
        about: "a request that the provider had found wrong was sent again until the retries were \
                used up",
        cites: "BerriAI/litellm#23546",
        breaks: &["RTY-002"],
    },
    Defect {
        name: "waits-equally-long",
        about: "the wait between attempts was the same each time and for every client, so that those \
                who failed together came back together",
        cites: "OpenAI's guide to rate limits",
        breaks: &["RTY-004"],
    },
    Defect {
        name: "takes-slow-down-for-a-key-limit",
        about: "`slow_down` was taken for the limit of one key, so that the next key was asked at \
                once and the traffic never fell",
        cites: "OpenAI's guide to rate limits and error codes",
        breaks: &["SPK-003"],
    },
    Defect {
        name: "keeps-keys-closed",
        about: "a key stayed closed for a fixed minute, long after the provider had recovered",
        cites: "BerriAI/litellm#35303, BerriAI/litellm#26015",
        breaks: &["SPK-004"],
    },
    Defect {
        name: "takes-a-head-for-success",
        about: "a stream counted as answered with its head, so that an error in its first event went \
                to the client although another provider could have answered",
        cites: "mlflow/mlflow#25262",
        breaks: &["FBK-003"],
    },
    Defect {
        name: "begins-broken-streams-again",
        about: "a stream that broke after content was asked for again, and its beginning was sent to \
                the client a second time",
        cites: "BerriAI/litellm#32835",
        breaks: &["RTY-009"],
    },
    Defect {
        name: "ends-cut-streams-cleanly",
        about: "a stream that broke off got its end mark from the router, so that half an answer looked complete",
        cites: "Portkey-AI/gateway#1797, kortix-ai/suna#4821",
        breaks: &["RES-004"],
    },
    Defect {
        name: "writes-with-few-writers",
        about: "a few writers served all streams, and a slow client kept the one that it had",
        cites: "BerriAI/litellm#6404",
        breaks: &["RES-008"],
    },
    Defect {
        name: "mixes-up-answers",
        about: "an answer on its way was kept where another request could take it",
        cites: "BerriAI/litellm#25447",
        breaks: &["CON-001"],
    },
    Defect {
        name: "passes-the-callers-key-on",
        about: "the caller's own key was passed on to the provider in another header",
        cites: "BerriAI/litellm#32202, BerriAI/litellm#38114",
        breaks: &["SEC-002"],
    },
    Defect {
        name: "shows-provider-keys",
        about: "a header for debugging showed the provider's key to the client",
        cites: "maximhq/bifrost#3954",
        breaks: &["SEC-001"],
    },
    Defect {
        name: "answers-errors-in-plain-words",
        about: "errors were answered as plain text, which client libraries cannot read",
        cites: "Portkey-AI/gateway#267",
        breaks: &["PRO-010"],
    },
    Defect {
        name: "charges-streams-nothing",
        about: "the usage at the end of a stream was not read, so that streamed answers stood in the \
                ledger with no tokens and no cost",
        cites: "ferro-labs/ai-gateway#281, defilantech/LLMKube#1852",
        breaks: &["CST-003", "CST-001"],
    },
    Defect {
        name: "charges-cached-tokens-in-full",
        about: "tokens that came from the provider's cache were booked and billed as new input",
        cites: "BerriAI/litellm#11789",
        breaks: &["CST-001", "CST-003"],
    },
    Defect {
        name: "charges-only-whole-streams",
        about: "a stream was booked at its end only, so that a client that left before it had no row",
        cites: "BerriAI/litellm#33736",
        breaks: &["CST-005"],
    },
    Defect {
        name: "charges-retries-twice",
        about: "each attempt of a request was booked by itself, so that a request that was retried \
                was charged again for every retry",
        cites: "BerriAI/litellm#15740, BerriAI/litellm#39455",
        breaks: &["CST-002"],
    },
    Defect {
        name: "charges-both-ends",
        about: "a request was booked when its answer began and again when it ended",
        cites: "BerriAI/litellm#15740",
        breaks: &["CST-002", "CST-001"],
    },
    Defect {
        name: "charges-another-tenant",
        about: "the end user that a request names of itself decided who pays, so that a caller could \
                move its cost to another tenant",
        cites: "BerriAI/litellm#11083",
        breaks: &["CST-009"],
    },
    Defect {
        name: "sums-cumulative-usage",
        about: "usage that is reported again and again as a running total was added up, so that a \
                stream cost many times what it did",
        cites: "BerriAI/litellm#9812, BerriAI/litellm#40006",
        breaks: &["PRO-006"],
    },
    Defect {
        name: "checks-budget-after-charge",
        about: "a budget was compared with what had already been charged, and requests under way did \
                not count, so that many at once went far beyond it",
        cites: "BerriAI/litellm#34732, BerriAI/litellm#40095",
        breaks: &["BUD-002"],
    },
    Defect {
        name: "reports-budgets-only",
        about: "a budget that was used up was reported, and requests were served all the same",
        cites: "BerriAI/litellm#26672, BerriAI/litellm#23714",
        breaks: &["BUD-001", "BUD-002"],
    },
    Defect {
        name: "looks-up-keys-slowly",
        about: "each request looked its key up in a slow store, one request after the other",
        cites: "BerriAI/litellm#13541",
        breaks: &["PRF-001"],
    },
    Defect {
        name: "retries-on-disabled-keys",
        about: "a key that the operator had disabled was still taken when a request was tried again",
        cites: "QuantumNous/new-api#2899",
        breaks: &["ROT-007"],
    },
    Defect {
        name: "forgets-at-reloads",
        about: "the rotation began anew and the state of keys was forgotten whenever the settings were read \
                again, so that the first key got a burst and a limited one was asked",
        cites: "QuantumNous/new-api#1726",
        breaks: &["ROT-008"],
    },
    Defect {
        name: "is-always-ready",
        about: "readiness said yes as soon as the process was alive, although nothing could be served",
        cites: "BerriAI/litellm#1814, BerriAI/litellm#30925",
        breaks: &["HLT-004"],
    },
    Defect {
        name: "checks-everything-at-once",
        about: "health checks asked every deployment in the same moment",
        cites: "BerriAI/litellm#20502, BerriAI/litellm#33559",
        breaks: &["HLT-005"],
    },
    Defect {
        name: "asks-without-a-key",
        about: "with no key configured the provider was asked all the same, with a credential that was none",
        cites: "kcolemangt/llm-router#13",
        breaks: &["CMP-002"],
    },
    Defect {
        name: "opens-admin-paths-to-tenants",
        about: "what is the operator's alone was open to everybody with a key",
        cites: "verifywise-ai/verifywise#3299",
        breaks: &["SEC-010"],
    },
    Defect {
        name: "lets-expired-keys-in",
        about: "a caller's key went on working after it had run out",
        cites: "maximhq/bifrost#3765",
        breaks: &["SEC-003"],
    },
    Defect {
        name: "keeps-broken-requests-open",
        about: "a request whose stream broke or whose client left counted as open for ever, until none was let in",
        cites: "BerriAI/litellm#20256, BerriAI/litellm#27955",
        breaks: &["CON-004"],
    },
    Defect {
        name: "keeps-reservations",
        about: "what had been set aside for a request was not given back when its client left",
        cites: "BerriAI/litellm#30522",
        breaks: &["BUD-004"],
    },
    Defect {
        name: "counts-refused-requests",
        about: "a request that was refused for too many at once still used up the caller's rate",
        cites: "BerriAI/litellm#39309",
        breaks: &["BUD-006"],
    },
    Defect {
        name: "renews-budgets-late",
        about: "a budget was not fresh again when its time had come",
        cites: "BerriAI/litellm#5651, BerriAI/litellm#7129",
        breaks: &["BUD-008"],
    },
    Defect {
        name: "tells-another-cost",
        about: "the cost in the answer's head was not the one in the ledger",
        cites: "BerriAI/litellm#26475",
        breaks: &["CST-010"],
    },
    Defect {
        name: "gives-one-id-to-all",
        about: "requests had no id of their own, so that only the first one was found again",
        cites: "BerriAI/litellm#6633",
        breaks: &["OBS-001"],
    },
    Defect {
        name: "counts-the-last-model-only",
        about: "the client was told the attempts at the model that served and not those before the fallback",
        cites: "BerriAI/litellm#39455",
        breaks: &["OBS-005"],
    },
    Defect {
        name: "falls-back-anyway",
        about: "another model was asked although the request had said that it wanted no other one",
        cites: "BerriAI/litellm#19077",
        breaks: &["FBK-007"],
    },
    Defect {
        name: "disregards-limits",
        about: "the limits that the settings give each key were read and not kept",
        cites: "BerriAI/litellm#10555, BerriAI/litellm#6288",
        breaks: &["DST-006"],
    },
    Defect {
        name: "lets-everybody-wait",
        about: "requests beyond the queue were held as well, until their clients gave up",
        cites: "BerriAI/litellm#13541",
        breaks: &["SPK-005"],
    },
    Defect {
        name: "forgets-sessions",
        about: "requests of one session were spread over all keys like any others",
        cites: "maximhq/bifrost#2654",
        breaks: &["DST-007"],
    },
    Defect {
        name: "never-falls-back",
        about: "the next provider in the declared order was not asked when the one before it had failed",
        cites: "envoyproxy/ai-gateway#1866, Portkey-AI/gateway#165",
        breaks: &["FBK-001"],
    },
    Defect {
        name: "uses-keys-to-their-last",
        about: "what the provider said was left of a key was not looked at, so that it was used until it \
                answered 429, although others had more",
        cites: "diegosouzapw/OmniRoute#4907",
        breaks: &["DST-004"],
    },
    Defect {
        name: "takes-the-first-key-for-idle",
        about: "the strategy that prefers who is idle went on loading the first one",
        cites: "BerriAI/litellm#37622, BerriAI/litellm#1273",
        breaks: &["DST-003"],
    },
    Defect {
        name: "falls-back-for-everybody",
        about: "who may use a model was asked for the one that was named, so that a fallback gave another \
                one away",
        cites: "langwatch/langwatch#6923, maximhq/bifrost#2873",
        breaks: &["SEC-008"],
    },
    Defect {
        name: "rests-for-all-models",
        about: "a 429 that one model met took the key out for all the models that it had room for",
        cites: "diegosouzapw/OmniRoute#14573",
        breaks: &["ROT-009"],
    },
    Defect {
        name: "ignores-service-limits",
        about: "the limits of each API were read and not kept, so that a hundred requests at once went through \
                together",
        cites: "multi-API manager: 10, 50 and 20 requests a second",
        breaks: &["SVC-001"],
    },
    Defect {
        name: "shifts-too-late",
        about: "an API was used until its limit was reached, although another one had room",
        cites: "multi-API manager: 80 % threshold",
        breaks: &["SVC-003"],
    },
    Defect {
        name: "sends-orders-twice",
        about: "an order whose reply was lost was sent to the next API, and was made twice",
        cites: "multi-API manager: orders with fallback",
        breaks: &["SVC-005"],
    },
    Defect {
        name: "uses-disabled-apis",
        about: "an API that was switched off was asked when the others had failed",
        cites: "multi-API manager: the enabled switch",
        breaks: &["SVC-006"],
    },
    Defect {
        name: "ignores-health",
        about: "health checks were made, and requests went to an API that they had found in trouble",
        cites: "multi-API manager: health checks drive routing",
        breaks: &["SVC-007"],
    },
    Defect {
        name: "always-predicts",
        about: "a limit was predicted for every API that was used at all, so that the prediction said nothing and \
                the order of preference was lost",
        cites: "multi-API manager: spike prediction",
        breaks: &["SVC-008"],
    },
    Defect {
        name: "never-predicts",
        about: "a prediction was asked for and never made, so that traffic moved on only when the threshold was \
                reached",
        cites: "multi-API manager: spike prediction",
        breaks: &["SVC-009"],
    },
    Defect {
        name: "constant-analytics",
        about: "the efficiency of the load balancing was always told as perfect, and nothing was suggested",
        cites: "multi-API manager: dashboard analytics",
        breaks: &["SVC-010"],
    },
];
