//! `prove`: what turns red under a defect, what does not, and what is said of either.

use std::fs;

use serde_json::Value;

use super::{OwnFolder, ROTATION, command, err, out, stormproof};

const DEFECT: &str = "retries-the-same-key";
/// What shows it in that scenario.
const SEES: &str = "attempts: { per: [exchange, key], count: { at_most: 1 } }";

#[test]
fn a_rule_that_turns_red_under_its_defect_is_proved_and_the_matrix_tells_where() {
    let folder = OwnFolder::new("proved");
    let proof = folder.0.join("proof").display().to_string();
    let proved = stormproof(&["prove", ROTATION, "--defect", DEFECT, "--seed", "7", "--reports", &proof]);
    assert_eq!(proved.status.code(), Some(0), "{}{}", out(&proved), err(&proved));
    assert!(out(&proved).contains("proved: each of 3 rules turns red"), "{}", out(&proved));
    let matrix: Value = serde_json::from_str(&folder.read("proof/matrix.json")).unwrap();
    let pairs = matrix["defects"][0]["rules"].as_array().unwrap();
    let red: Vec<_> =
        pairs.iter().map(|pair| (&pair["rule"], &pair["came_to"], &pair["red_in"][0])).collect();
    assert_eq!(red.len(), 3);
    assert!(red.iter().all(|(_, came_to, trial)| **came_to == "red" && **trial == ROTATION), "{red:?}");
    assert!(folder.read("proof/matrix.md").contains(&format!("| ROT-001 | MUST | `{DEFECT}` | red |")));
    assert!(folder.read("proof/matrix.html").contains("<td class=\"red\""));
    // Each of its runs is one like any other.
    let judged = stormproof(&["judge", &format!("{proof}/{DEFECT}")]);
    assert_eq!(judged.status.code(), Some(1), "{}{}", out(&judged), err(&judged));
}

#[test]
fn a_scenario_that_cannot_see_the_defect_is_a_gap() {
    let folder = OwnFolder::new("blind");
    let text = fs::read_to_string(ROTATION).unwrap();
    assert!(text.contains(SEES));
    let blind = text.replace(SEES, "attempts: { per: [exchange, key], count: { at_most: 100 } }");
    fs::write(folder.0.join("blind.yaml"), blind).unwrap();
    let (path, proof) = (folder.0.join("blind.yaml").display().to_string(), folder.0.join("proof"));
    let proof = proof.display().to_string();
    let proved = stormproof(&["prove", &path, "--defect", DEFECT, "--reports", &proof]);
    assert_eq!(proved.status.code(), Some(1), "{}{}", out(&proved), err(&proved));
    assert!(out(&proved).contains(&format!("ROT-003 stays green under `{DEFECT}`")), "{}", out(&proved));
    assert!(folder.read("proof/matrix.md").contains("**green**"));
}

#[test]
fn one_trial_of_many_that_sees_the_defect_is_found() {
    let folder = OwnFolder::new("one-of-many");
    let text = fs::read_to_string(ROTATION).unwrap();
    let blind = text.replace(SEES, "attempts: { per: [exchange, key], count: { at_most: 100 } }");
    fs::create_dir(folder.0.join("many")).unwrap();
    for (name, text) in [("a", &blind), ("b", &text), ("c", &blind), ("d", &blind)] {
        // No two scenarios have one title.
        let text = text.replacen("title: ", &format!("title: {name} "), 1);
        fs::write(folder.0.join(format!("many/{name}.yaml")), text).unwrap();
    }
    let (path, proof) = (folder.0.join("many").display().to_string(), folder.0.join("proof"));
    let proof = proof.display().to_string();
    let proved = stormproof(&["prove", &path, "--defect", DEFECT, "--reports", &proof]);
    assert_eq!(proved.status.code(), Some(0), "{}{}", out(&proved), err(&proved));
    let matrix: Value = serde_json::from_str(&folder.read("proof/matrix.json")).unwrap();
    let pairs = matrix["defects"][0]["rules"].as_array().unwrap();
    let of_rule = pairs.iter().find(|pair| pair["rule"] == "ROT-003").unwrap();
    let red_in = of_rule["red_in"].as_array().unwrap();
    assert!(red_in.len() == 1 && red_in[0].as_str().unwrap().ends_with("b.yaml"), "{of_rule}");
}

#[test]
fn what_cannot_be_proved_is_refused_with_its_reason() {
    let told = |arguments: &[&str]| {
        let output = stormproof(arguments);
        (output.status.code(), err(&output))
    };
    let (code, misspelt) = told(&["prove", ROTATION, "--defect", "retries-the-same-kye"]);
    assert_eq!(code, Some(2));
    assert!(misspelt.contains(&format!("did you mean `{DEFECT}`?")), "{misspelt}");
    let (code, plain) = told(&["prove", ROTATION, "--target", "fixtures/targets/plain.yaml"]);
    assert_eq!(code, Some(2));
    assert!(plain.contains("target `plain` has no defects to switch on"), "{plain}");
    let (code, elsewhere) = told(&["prove", ROTATION, "--defect", "keeps-no-limit"]);
    assert_eq!(code, Some(5), "{elsewhere}");
}

#[test]
fn since_a_commit_only_what_changed_is_proved() {
    let folder = OwnFolder::new("since");
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.current_dir(&folder.0)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments);
        assert!(git.output().unwrap().status.success(), "{arguments:?}");
    };
    let copy = |from: &str, to: &str| fs::copy(from, folder.0.join(to)).unwrap();
    fs::create_dir_all(folder.0.join("s")).unwrap();
    copy(ROTATION, "s/next.yaml");
    copy("scenarios/rotation/last-key-standing.yaml", "s/last.yaml");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let prove = |since: &str| {
        let proof = ["prove", "s", "--defect", DEFECT, "--reports", "proof", "--since", since];
        command(&proof).current_dir(&folder.0).output().unwrap()
    };
    let nothing = prove("HEAD");
    assert_eq!(nothing.status.code(), Some(0), "{}{}", out(&nothing), err(&nothing));
    assert!(err(&nothing).contains("nothing to prove"), "{}", err(&nothing));
    let text = fs::read_to_string(ROTATION).unwrap();
    fs::write(folder.0.join("s/next.yaml"), text + "\n").unwrap();
    let one = prove("HEAD");
    assert_eq!(one.status.code(), Some(0), "{}{}", out(&one), err(&one));
    let matrix = folder.read("proof/matrix.json");
    assert!(matrix.contains("s/next.yaml") && !matrix.contains("s/last.yaml"), "{matrix}");
    let unknown = prove("no-such-commit");
    assert_eq!(unknown.status.code(), Some(2), "{}", err(&unknown));
    assert!(err(&unknown).contains("`--since` asks git, which says:"), "{}", err(&unknown));
}
