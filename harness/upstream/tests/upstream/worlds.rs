//! The worlds of the project's own scenarios can all be had.

use std::path::Path;

use record::{Clock, Correlation, NameTable, fact_channel};
use scenario::Suite;
use stormproof_upstream::{DEFAULT_SAMPLES, Surroundings, TrafficSignal, Upstreams};

#[tokio::test]
async fn every_world_of_the_project_s_own_scenarios_can_be_had() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let suite = Suite::read(&[folder], &[]).unwrap();
    let mut started = 0;
    for file in &suite.scenarios {
        for case in &file.cases {
            let (facts, _received) = fact_channel();
            let surroundings = Surroundings {
                clock: Clock::start(),
                correlation: Correlation::new(1),
                names: NameTable::new(facts.clone()),
                facts,
                seed: 1,
                traffic: TrafficSignal::new([]),
                samples: DEFAULT_SAMPLES,
                canaries: Vec::new(),
                defect: None,
            };
            let upstreams = Upstreams::start(&case.scenario.world, surroundings).await.unwrap();
            assert_eq!(upstreams.cast().len(), case.scenario.world.upstreams.0.len());
            upstreams.stop().await;
            started += 1;
        }
    }
    assert!(started >= suite.scenarios.len());
}
