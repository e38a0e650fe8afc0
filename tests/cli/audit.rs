//! `smdpp audit`: what is shown, and whatever was changed in the database is pointed at.
use super::House;
use super::iccid;

#[test]
fn a_changed_row_is_pointed_at_with_exit_code_2() {
    let house = House::new();
    house.packages(3);
    house.import(&["p0.der", "p1.der", "p2.der"]);
    let good = house.json(&["audit", "verify"]);
    assert_eq!(
        (&good["verified"], &good["entries"], &good["profiles"]),
        (&true.into(), &3.into(), &3.into())
    );
    assert_eq!(good["head"].as_str().unwrap().len(), 64);

    let database = house.database();
    assert!(database.execute("UPDATE trail SET body = '{}' WHERE seq = 2", []).is_err(), "append-only");
    let forge = "DROP TRIGGER trail_no_update;
                 UPDATE trail SET body = replace(body, 'acme', 'beta'), at = at + 1 WHERE seq = 2";
    database.execute_batch(forge).unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("entry 2: the hash does not fit"), "{}", said.err);
    let answer = house.json(&["audit", "verify"]);
    assert_eq!((&answer["verified"], &answer["entry"]), (&false.into(), &2.into()));
}

#[test]
fn a_trail_cut_in_the_middle_or_at_its_end_is_noticed() {
    let house = House::new();
    house.packages(3);
    house.import(&["p0.der", "p1.der", "p2.der"]);
    let head = house.json(&["audit", "verify"])["head"].as_str().unwrap().to_owned();
    assert_eq!(house.types(&["audit", "verify", "--noted", &head]).code, 0);

    let database = house.database();
    database.execute_batch("DROP TRIGGER trail_no_delete; DELETE FROM trail WHERE seq = 3").unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("cut at its end"), "{}", said.err);

    // Taking the Profile away with its entry, or the sealed head too, does not help.
    database
        .execute_batch(
            "DELETE FROM package WHERE iccid NOT IN (SELECT iccid FROM trail);
             DELETE FROM profile WHERE iccid NOT IN (SELECT iccid FROM trail)",
        )
        .unwrap();
    assert_eq!(house.types(&["audit", "verify"]).code, 2);
    let said = house.types(&["audit", "verify", "--noted", &head]);
    assert_eq!(said.code, 2);
    database.execute_batch("DELETE FROM house WHERE name = 'trail_head'").unwrap();
    assert!(house.types(&["audit", "verify"]).err.contains("sealed head of the trail is missing"));

    database.execute_batch("DELETE FROM trail WHERE seq = 1").unwrap();
    assert!(house.types(&["audit", "verify"]).err.contains("expected entry 1"));
}

#[test]
fn a_profile_moved_behind_the_trail_s_back_is_noticed() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    house.database().execute("UPDATE profile SET state = 'Unavailable'", []).unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("stands in Unavailable, the trail says Available"), "{}", said.err);
}

#[test]
fn the_newest_entries_are_shown_to_who_asks_for_nothing_in_particular() {
    let house = House::new();
    assert_eq!(house.types(&["audit", "show"]).out, "Nothing has happened yet.\n");
    house.packages(1);
    house.import(&["p0.der"]);
    let said = house.types(&["audit", "show"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("put in stock"), "{}", said.out);
    let life = house.types(&["audit", "show", "--iccid", &iccid(0)]);
    assert_eq!(life.code, 0, "{}", life.err);
}
