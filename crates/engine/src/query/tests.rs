//! What is typed, what it means, and what it is shown as.

use super::{KeyValues, Query, TermContent};

fn shown(query: &Query) -> String {
    let content = |content: &TermContent| match content {
        TermContent::Words(words) => format!("words {words}"),
        TermContent::Phrase(words) => format!("phrase {words}"),
        TermContent::Image(path) => format!("image {}", path.display()),
        TermContent::Given(given) => format!("given {}", given.hash()),
        TermContent::Item(item) => format!("item {item}"),
        TermContent::Named(name) => format!("name {name}"),
    };
    let terms = query.terms.iter();
    let mut parts: Vec<String> = terms
        .map(|term| format!("{:+} {}", term.weight, content(&term.content)))
        .collect();
    parts.extend(
        query
            .without
            .iter()
            .map(|one| format!("not {}", content(one))),
    );
    for clause in &query.filters {
        let any = clause.any.iter().map(|one: &KeyValues| {
            let sign = if one.negated { "-" } else { "" };
            format!("{sign}{}={}", one.key, one.values.join(","))
        });
        parts.push(any.collect::<Vec<_>>().join(" or "));
    }
    parts.join("; ")
}

/// Arguments of a command line.
fn check(arguments: &[&str], expect: &str) {
    let found = match Query::from_arguments(arguments) {
        Ok(query) => shown(&query),
        Err(error) => format!("error: {}", error.to_string().lines().next().unwrap()),
    };
    assert_eq!(found, expect, "for {arguments:?}");
}

/// One line of text, which is also printed and read back.
fn check_line(line: &str, expect: &str) {
    let query = match Query::from_syntax(line) {
        Ok(query) => query,
        Err(error) => {
            let error = format!("error: {}", error.to_string().lines().next().unwrap());
            assert_eq!(error, expect, "for {line:?}");
            return;
        }
    };
    assert_eq!(shown(&query), expect, "for {line:?}");
    let printed = query.to_string();
    let again = Query::from_syntax(&printed).unwrap();
    assert_eq!(again.to_string(), printed, "for {line:?}");
}

#[test]
fn arguments_become_terms() {
    check(&["beach"], "+1 words beach");
    check(&["red", "car"], "+1 words red car");
    check(
        &["horse", "+", "stripes"],
        "+1 words horse; +1 words stripes",
    );
    check(
        &["horse", "-", "0.5:night"],
        "+1 words horse; -0.5 words night",
    );
    check(
        &["./a b.jpg", "+", "2:snow"],
        "+1 image ./a b.jpg; +2 words snow",
    );
    check(&["file:///tmp/a.jpg"], "+1 image /tmp/a.jpg");
    check(
        &["Tux and spider - two friends."],
        "+1 words Tux and spider - two friends.",
    );
    check(
        &["Title: the story of a dog"],
        "+1 words Title: the story of a dog",
    );
    check(&["name: a caption"], "+1 words name: a caption");
    check(&["12:30", "clock"], "+1 words 12:30 clock");
    check(&["C:\\a.jpg"], "+1 image C:\\a.jpg");
    check(&["-", "night", "+", "day"], "-1 words night; +1 words day");
    check(
        &["camera:Canon EOS 5D", "beach"],
        "+1 words beach; camera=Canon EOS 5D",
    );
    check(&["\"exact words\""], "+1 phrase exact words");
}

#[test]
fn a_line_becomes_terms_and_filters() {
    check_line("beach year:2023", "+1 words beach; year=2023");
    check_line("beach year:2023 sunset", "+1 words beach sunset; year=2023");
    check_line("ext:jpg|png -tag:\"red car\"", "ext=jpg,png; -tag=red car");
    check_line(
        "ext:jpg | rating:5.. dog",
        "+1 words dog; ext=jpg or rating=5..",
    );
    check_line(
        "dog not:cat not:\"black cat\"",
        "+1 words dog; not words cat; not phrase black cat",
    );
    check_line("\"a + b\" - night", "+1 phrase a + b; -1 words night");
    check_line("0.5:\"old man\" + sea", "+0.5 phrase old man; +1 words sea");
    check_line(
        "image:\"./my dog.jpg\" + snow",
        "+1 image ./my dog.jpg; +1 words snow",
    );
    check_line("“round quotes” dog", "+1 words round quotes dog");
    check_line("tag:\"a|b\"", "tag=a|b");
    check_line("near:48.1,11.5,20 has:gps", "near=48.1,11.5,20; has=gps");
    check_line(
        "海滩 date:2023-07 color:蓝",
        "+1 words 海滩; date=2023-07; color=蓝",
    );
    check_line("width:4000.. Height:..100", "w=4000..; h=..100");
    check_line(
        "#0000000000001 + beach",
        "+1 item 0000000000001; +1 words beach",
    );
    check_line("#sunset beach", "+1 words #sunset beach");
    check_line("my_key:7 dog", "+1 words dog; my_key=7");
    check_line("sunset: dogs", "+1 words sunset: dogs");
}

#[test]
fn names_stand_where_terms_do() {
    check_line("@beach", "+1 name @beach");
    check_line(
        "@beach + 0.5:@dog-2 - @Work_1",
        "+1 name @beach; +0.5 name @dog-2; -1 name @work_1",
    );
    check_line("@海滩 ext:jpg", "+1 name @海滩; ext=jpg");
    check_line("dog not:@work", "+1 words dog; not name @work");
    check_line("@ÉTÉ not:\"@work\"", "+1 name @été; not phrase @work");
    // What begins otherwise, or has anything else in it, stays words.
    for words in [
        "me@home",
        "@ the beach",
        "@home.example",
        "mail me@home.example",
        "@-x",
        "@",
        "@@beach",
        "beach @ 5",
    ] {
        check_line(words, &format!("+1 words {words}"));
    }
    check_line("\"@beach\"", "+1 phrase @beach");
    check(&["a cat @rex"], "+1 words a cat @rex");
    check(&["@rex", "+", "a beach"], "+1 name @rex; +1 words a beach");
    assert_eq!(shown(&Query::words("@beach").unwrap()), "+1 words @beach");
    assert_eq!(Query::words("@beach").unwrap().to_string(), "\"@beach\"");
    let longest = "a".repeat(super::names::MOST_LETTERS);
    check_line(&format!("@{longest}"), &format!("+1 name @{longest}"));
    check_line(&format!("@{longest}a"), &format!("+1 words @{longest}a"));
    for (line, at) in [("red @beach", 5), ("@beach dog", 1)] {
        let error = Query::from_syntax(line).expect_err(line);
        assert_eq!(error.character(), Some(at), "{line}: {error}");
        assert!(error.message().contains("a term of its own"), "{error}");
    }
}

#[test]
fn a_query_that_cannot_mean_anything_says_why_and_where() {
    let nothing_beside =
        |at| format!("error: character {at}: this sign has nothing beside it to add or take away");
    check(&["a", "+"], &nothing_beside(3));
    check(&["a", "+", "-", "b"], &nothing_beside(3));
    check_line("", "error: the query is empty");
    check(
        &[" "],
        "error: character 1: there is nothing to look for here",
    );
    check(
        &["-", "night"],
        "error: the query only takes away; add something to look for before the `-`",
    );
    check(
        &["https://example.org/a.jpg"],
        "error: character 1: https://example.org/a.jpg: Fovea opens no address on the network; download the picture and \
         give its path as ./FILE",
    );
    check_line(
        "dog \"black cat",
        "error: character 5: this quote is not closed: end it with `\"`, or leave it out",
    );
    check_line(
        "dog | cat",
        "error: character 5: `|` stands between two filters, as in `ext:png | rating:5`; in words, put the query in quotes",
    );
    check_line(
        "./a.jpg dog",
        "error: character 1: an image is a term of its own: put a `+` between it and the words, or quotes around a name \
         with spaces, as in `image:\"my dog.jpg\"`",
    );
    check_line(
        "dog date:someday",
        "error: character 5: date:someday: that is no day, month or year; it takes 2023, 2023-07, 2023-07-14, 2020..2022, \
         2020-05..",
    );
    for (line, at) in [
        ("rating:many", 1),
        ("iso:..", 1),
        ("a near:1,2", 3),
        ("orientation:up", 1),
        ("color:beige", 1),
        ("month:13", 1),
        ("tag:", 1),
        ("ext:jpg|", 1),
        ("size:9q", 1),
        (&format!("{}:dog", "9".repeat(60)), 1),
        ("#!!!!!!!!!!!!! x", 1),
    ] {
        let error = Query::from_syntax(line).expect_err(line);
        assert_eq!(error.character(), Some(at), "{line}: {error}");
    }
    assert!(Query::words("  ").is_err());
    assert!(Query::from_syntax(&"a ".repeat(500_000)).is_err());
    assert!(Query::from_arguments(&["a".repeat(1_000_000)]).is_err());
}

proptest::proptest! {
    /// Whatever is typed, the answer is a query or a message; what is printed is read back as the same.
    #[test]
    fn what_is_printed_is_read_again(line in "([a-z\"+|:#.!0-9@ \\\\é海-]|@a|not:|ext:|date:20|image:|\\./|“){0,24}") {
        if let Ok(query) = Query::from_syntax(&line) {
            let printed = query.to_string();
            let again = Query::from_syntax(&printed);
            let again = again.map_err(|error| proptest::test_runner::TestCaseError::fail(format!("{printed:?}: {error}")))?;
            proptest::prop_assert_eq!(again.to_string(), printed);
            proptest::prop_assert_eq!(again.terms.len(), query.terms.len());
            proptest::prop_assert_eq!(again.filters.len(), query.filters.len());
            proptest::prop_assert_eq!(again.without.len(), query.without.len());
        }
        let _ = Query::from_arguments(&[&line, &line]);
    }

    #[test]
    fn any_text_is_a_query_or_a_message(line in "\\PC{0,80}") {
        match Query::from_syntax(&line) {
            Ok(query) => {
                let printed = query.to_string();
                proptest::prop_assert!(Query::from_syntax(&printed).is_ok(), "{}", printed);
            }
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
    }
}
