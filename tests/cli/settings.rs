//! Settings and logs: where they come from, and where they go.

use super::{Place, text};

#[test]
fn a_flag_comes_before_the_environment_and_that_before_the_file() {
    let mut place = Place::new();
    let settings = |text: &str| std::fs::write(place.path("fleet/.reconcile.toml"), text);
    settings("color = \"never\"\noutput = \"json\"\nfail-on = [\"drift\", \"blocked\"]\nlock-timeout = 5\n")
        .expect("written");
    let plan = "fleet --sandbox world.json --cluster us-2/kube-events";
    let form = |place: &Place, arguments: &str, variable: &[(&str, &str)]| {
        let output = place
            .command(arguments)
            .envs(variable.iter().copied())
            .output();
        let stdout = text(&output.expect("the program runs").stdout);
        match (stdout.starts_with('{'), stdout.contains("\nintentHash: ")) {
            (true, _) => "json",
            (_, true) => "yaml",
            _ => "human",
        }
    };
    assert_eq!(form(&place, plan, &[]), "json", "the file");
    let yaml = [("RECONCILE_OUTPUT", "yaml")];
    assert_eq!(
        form(&place, plan, &yaml),
        "yaml",
        "the environment before it"
    );
    let human = format!("{plan} -o human");
    assert_eq!(form(&place, &human, &yaml), "human", "the flag before both");
    assert_eq!(form(&place, &format!("plan {human}"), &yaml), "human");
    assert_eq!(
        form(&place, &format!("plan {plan}"), &[]),
        "json",
        "of every command"
    );

    // Pending changes are there, and the file does not fail on them.
    place.run(&format!("--check {plan} -o human"), 0);
    place.run(&format!("--check {plan} -o human --fail-on pending"), 2);
    place.said.clear();
    place.run("settings fleet", 0);
    place.run("settings fleet --color auto", 0);
    place.run("settings", 0);
    place.is_golden("settings");
}

#[test]
fn a_wrong_setting_is_4_and_says_where() {
    let mut place = Place::new();
    let file = place.path("fleet/.reconcile.toml");
    let plan = "fleet --sandbox world.json";
    for (wrong, says) in [
        ("color = never\n", "reconcile::settings::syntax (E0701)"),
        ("fail-onn = \"none\"\n", "did you mean `fail-on`?"),
        (
            "cluster = \"eu-1/*\"\n",
            "the settings are: color, fail-on, lock-timeout, output",
        ),
        (
            "log = \"debug\"\n",
            "reconcile::settings::unknown-key (E0702)",
        ),
        (
            "color = \"sometimes\"\n",
            "expected one of: auto, always, never",
        ),
        (
            "fail-on = [\"everything\"]\n",
            "found \"everything\" in --fail-on",
        ),
        ("lock-timeout = -1\n", "reconcile::settings::value (E0703)"),
        (
            "output = \"markdown\"\n",
            "expected one of: human, json, yaml",
        ),
    ] {
        std::fs::write(&file, format!("# ours\n{wrong}")).expect("written");
        let output = place.run(plan, 4);
        let stderr = text(&output.stderr);
        assert!(stderr.contains(says), "{says} is not in {stderr}");
        assert!(stderr.contains("fleet/.reconcile.toml:2:"), "{stderr}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn settings_come_from_the_repository_and_from_nowhere_above_it() {
    let place = Place::new();
    let settings =
        |at: &str| std::fs::write(place.path(at), "output = \"json\"\n").expect("written");
    let is_json = || {
        place
            .stdout("plan fleet --sandbox world.json")
            .starts_with('{')
    };
    settings(".reconcile.toml");
    assert!(
        !is_json(),
        "no repository: what lies above is somebody's home"
    );
    std::fs::create_dir(place.path(".git")).expect("made");
    assert!(is_json(), "the root of the repository");
    std::fs::create_dir(place.path("fleet/.git")).expect("made");
    assert!(!is_json(), "another repository's");
    settings("fleet/.reconcile.toml");
    assert!(is_json(), "the fleet's own");
}

#[test]
fn a_log_is_written_where_it_is_wanted() {
    let place = Place::new();
    let told = |arguments: &str| text(&place.output(arguments).stderr);
    let apply = "apply fleet --sandbox world.json --cluster us-2/kube-events --yes";
    assert!(
        !told(&format!("{apply} --max-steps 1")).contains("reconcile::"),
        "off by default"
    );
    let json =
        told("status fleet --log reconcile=debug --log-format json --cluster us-2/kube-main");
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert!(!lines.is_empty());
    assert!(
        lines
            .iter()
            .all(|line| line["level"].is_string() && line["target"].is_string())
    );

    let to_file = "status fleet --cluster us-2/kube-main --log-file run.log -vv";
    assert_eq!(told(to_file), "", "in the file and nowhere else");
    let log = std::fs::read_to_string(place.path("run.log")).expect("a log");
    assert!(log.contains("DEBUG") && !log.contains('\u{1b}'), "{log}");
    place.output(to_file);
    let twice = std::fs::read_to_string(place.path("run.log")).expect("a log");
    assert!(
        twice.len() > log.len() && twice.starts_with(&log),
        "added to"
    );

    let wrong = place.output("status fleet --log reconcile=loud");
    assert_eq!(wrong.status.code(), Some(64), "{}", text(&wrong.stderr));
}
