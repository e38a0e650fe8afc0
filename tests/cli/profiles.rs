//! `smdpp profile`: what is imported, what is refused, what is shown.
use std::fs;

use super::House;
use super::iccid;

#[test]
fn an_imported_profile_is_in_stock_and_its_import_is_in_the_trail() {
    let house = House::new();
    house.packages(1);
    let said = house.import(&["p0.der", "--name", "Acme Mobile", "--provider", "Acme Ltd"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains(&iccid(0)), "{}", said.out);

    let listed = house.types(&["profile", "list"]).out;
    assert!(
        listed.contains("Available") && listed.contains("acme") && listed.contains("consumer"),
        "{listed}"
    );
    assert!(!listed.contains('\u{1b}'), "no colour outside a terminal: {listed}");
    let shown = house.types(&["profile", "show", &iccid(0)]).out;
    assert!(shown.contains("Acme Mobile") && shown.contains("Acme Ltd"), "{shown}");
    assert!(shown.contains("smdp.example.com of install, enable, disable, delete"), "{shown}");

    let life = house.types(&["audit", "show", "--iccid", &iccid(0)]).out;
    assert!(life.contains("admin ada") && life.contains("→ Available"), "{life}");
    let entry = &house.json(&["audit", "show", "--last", "5"])["entries"][0];
    assert_eq!(entry["event"]["event"], "profile_imported");
    let octets = fs::metadata(house.path("p0.der")).unwrap().len();
    assert_eq!(entry["event"]["octets"], octets);
    assert_eq!(entry["event"]["package_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn metadata_comes_from_a_file_and_an_option_wins_over_it() {
    let house = House::new();
    house.packages(1);
    fs::write(house.path("icon.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let text = "operator = \"beta\"\ntype = \"iot\"\nname = \"From File\"\nprovider = \"P\"\nclass = \"test\"\n\
                icon = \"icon.png\"\nowner = \"246-81,FF\"\nppr2 = true\n\
                notify = [\"install=n.acme.example\", \"delete=n.acme.example\"]\n";
    fs::write(house.path("m.toml"), text).unwrap();
    let said = house.types(&["profile", "import", "p0.der", "--metadata", "m.toml", "--name", "Typed"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let shown = house.json(&["profile", "show", &iccid(0)]);
    assert_eq!((&shown["operator"], &shown["type"]), (&"beta".into(), &"iot".into()));
    let metadata = &shown["metadata"];
    assert_eq!(metadata["profileName"], "Typed");
    assert_eq!(metadata["class"], "test");
    assert_eq!(metadata["mccMnc"], "42F618");
    assert_eq!(metadata["iconOctets"], 8);
    assert_eq!((&metadata["ppr1"], &metadata["ppr2"]), (&false.into(), &true.into()));
    let notify = &metadata["notify"];
    assert_eq!(notify.as_array().unwrap().len(), 1);
    assert_eq!(notify[0]["events"], serde_json::json!(["install", "delete"]));
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything_is_stored() {
    let house = House::new();
    house.packages(1);
    fs::write(house.path("bad.toml"), "operator = \"acme\"\ntype = \"x\"\nnam = \"y\"\n").unwrap();
    fs::write(house.path("gif.png"), b"GIF89a").unwrap();
    let long = "x".repeat(65);
    for (words, says) in [
        (vec!["--ppr1"], "profileOwner is missing"),
        (vec!["--ppr1", "--owner", "24681"], "MCC-MNC"),
        (vec!["--owner", "246-81,FF,01,02"], "MCC-MNC"),
        (vec!["--notify", "eat=a.example.com"], "install, enable, disable or delete"),
        (vec!["--notify", "install"], "install, enable, disable or delete"),
        (vec!["--notify", "install=here"], "domain name"),
        (vec!["--name", &long], "profileName"),
        (vec!["--icon", "gif.png"], "icon"),
        (vec!["--icon", "none.png"], "none.png"),
        (vec!["--iccid", "89"], "ICCID"),
        (vec!["--iccid", "8900012345678999999"], "make them equal"),
        (vec!["--metadata", "bad.toml"], "nam"),
        (vec!["--metadata", "none.toml"], "none.toml"),
    ] {
        let said = house.import(&[&["p0.der"], words.as_slice()].concat());
        let all = format!("{}{}", said.out, said.err);
        assert_eq!(said.code, 1, "{words:?}: {all}");
        assert!(all.contains(says), "{words:?}: {all}");
    }
    assert_eq!(house.json(&["profile", "list"])["profiles"], serde_json::json!([]));
}

#[test]
fn a_wrong_operator_is_refused_with_the_names_that_there_are() {
    let house = House::new();
    house.packages(1);
    let said = house.types(&["profile", "import", "p0.der", "--operator", "gamma", "--type", "x"]);
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("smdpp: operator gamma") && said.err.contains("acme, beta"), "{}", said.err);
}

#[test]
fn a_damaged_package_is_refused_by_its_element_and_the_others_go_on() {
    let house = House::new();
    house.packages(2);
    let upp = fs::read(house.path("p0.der")).unwrap();
    fs::write(house.path("cut.der"), &upp[..upp.len() - 1]).unwrap();
    fs::write(house.path("empty.der"), b"").unwrap();
    let header = 2 + usize::from(upp[1]);
    fs::write(house.path("headless.der"), &upp[header..]).unwrap();
    let said = house.import(&["p0.der", "cut.der", "empty.der", "headless.der", "none.der", "p1.der"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("cut.der: the package is no row of complete DER values"), "{}", said.out);
    assert!(said.out.contains("headless.der: element 0 (mf)"), "{}", said.out);
    assert!(said.out.contains("none.der: cannot read it"), "{}", said.out);
    assert!(said.out.contains("2 imported, 4 refused"), "{}", said.out);
    assert!(said.err.contains("4 of 6 packages refused"), "{}", said.err);
}

#[test]
fn an_iccid_in_stock_is_refused_and_the_others_are_imported() {
    let house = House::new();
    house.packages(3);
    assert_eq!(house.import(&["p1.der"]).code, 0);
    let answer =
        house.json(&["profile", "import", "--operator", "beta", "--type", "x", "p0.der", "p1.der", "p2.der"]);
    assert_eq!(answer["imported"].as_array().unwrap().len(), 2);
    assert_eq!(answer["refused"][0]["file"], "p1.der");
    assert!(answer["refused"][0]["why"].as_str().unwrap().contains(&iccid(1)));
    let kept = house.json(&["profile", "show", &iccid(1)]);
    assert_eq!(kept["operator"], "acme");
}

#[test]
fn a_folder_of_hundreds_is_imported_and_listed_page_by_page() {
    let house = House::new();
    fs::create_dir(house.path("batch")).unwrap();
    for place in 0..600 {
        let upp = rig::upp::test_profile(&iccid(place), "246811234567890", 0);
        fs::write(house.path("batch").join(format!("{place}.der")), upp).unwrap();
    }
    fs::write(house.path("batch/README.txt"), b"not a package").unwrap();
    let said = house.import(&["batch"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("600 imported, 0 refused"), "{}", said.out);
    assert!(house.types(&["profile", "list"]).out.contains("--after"));
    let rest = house.json(&["profile", "list", "--after", &iccid(589), "--limit", "100"]);
    assert_eq!(rest["profiles"].as_array().unwrap().len(), 10);
    assert_eq!(house.json(&["audit", "verify"])["entries"], 600);
}

#[test]
fn lists_can_be_narrowed_and_an_empty_one_says_so() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let none = "No profile is like that";
    for narrow in [["--state", "installed"], ["--operator", "beta"], ["--type", "iot"]] {
        let said = house.types(&[&["profile", "list"], narrow.as_slice()].concat());
        assert!(said.out.contains(none), "{narrow:?}: {}", said.out);
    }
    assert!(house.types(&["profile", "list", "--state", "available"]).out.contains(&iccid(0)));
    assert!(house.types(&["order", "list"]).out.contains("No order is like that"));
    assert_eq!(house.json(&["order", "list"])["orders"], serde_json::json!([]));
    let wrong = house.types(&["profile", "list", "--state", "asleep"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("Released"), "{}", wrong.err);
}
