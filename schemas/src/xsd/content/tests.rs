//! Machines against a plain matcher that tries everything.

use std::collections::HashSet;

use super::*;

/// `a?`, `(a,b){2,3}`, `(a|b)*`: letters with occurrences, groups in brackets.
fn node(text: &str) -> Node {
    let bytes: Vec<char> = text.chars().collect();
    let mut at = 0;
    let node = group(&bytes, &mut at);
    assert_eq!(at, bytes.len(), "{text}");
    node
}

fn group(text: &[char], at: &mut usize) -> Node {
    let mut parts = vec![item(text, at)];
    let mut separator = ',';
    while let Some(c @ (',' | '|' | '&')) = text.get(*at) {
        separator = *c;
        *at += 1;
        parts.push(item(text, at));
    }
    let part = match separator {
        '|' => Part::Choice(parts),
        '&' => Part::All(parts),
        _ => Part::Sequence(parts),
    };
    Node { min: 1, max: 1, part }
}

fn item(text: &[char], at: &mut usize) -> Node {
    let mut node = match text[*at] {
        '(' => {
            *at += 1;
            let inner = group(text, at);
            assert_eq!(text[*at], ')');
            inner
        }
        c => {
            let symbol = u32::from(c) - u32::from('a');
            let term = Term::Element { name: symbol, element: symbol, substitutes: Arc::from([]) };
            Node { min: 1, max: 1, part: Part::Term(term) }
        }
    };
    *at += 1;
    let number = |at: &mut usize| {
        let start = *at;
        while text[*at].is_ascii_digit() {
            *at += 1;
        }
        text[start..*at].iter().collect::<String>().parse::<u32>().unwrap_or(UNBOUNDED)
    };
    (node.min, node.max) = match text.get(*at) {
        Some('?') => (0, 1),
        Some('*') => (0, UNBOUNDED),
        Some('+') => (1, UNBOUNDED),
        Some('{') => {
            *at += 1;
            let min = number(at);
            *at += 1;
            (min, number(at))
        }
        _ => return node,
    };
    *at += 1;
    node
}

/// All places in `text` where a match of `node` that begins at one of `from` can end.
fn ends(node: &Node, text: &[u32], from: &HashSet<usize>) -> HashSet<usize> {
    let mut reached = if node.min == 0 { from.clone() } else { HashSet::new() };
    let mut now = from.clone();
    for round in 1..=node.max.min(text.len() as u32 + node.min + 1) {
        now = match &node.part {
            Part::Term(Term::Element { name, .. }) => {
                now.iter().filter(|at| text.get(**at) == Some(name)).map(|at| at + 1).collect()
            }
            Part::Sequence(parts) => parts.iter().fold(now, |now, part| ends(part, text, &now)),
            Part::Choice(parts) => parts.iter().flat_map(|part| ends(part, text, &now)).collect(),
            _ => unreachable!("not in these tests"),
        };
        if round >= node.min {
            reached.extend(&now);
        }
    }
    reached
}

fn runs(machine: &Machine, text: &[u32]) -> bool {
    let mut state = State::default();
    text.iter().all(|symbol| machine.step(&mut state, *symbol, || "").is_some())
        && machine.may_end(&state)
}

fn symbols() -> Symbols {
    let mut symbols = Symbols::default();
    for name in ["a", "b", "c", "d"] {
        symbols.intern("", name);
    }
    symbols
}

#[test]
fn machines_take_what_the_model_says_and_nothing_else() {
    let symbols = symbols();
    let models = [
        "a,b?,c*",
        "a{2,3},b",
        "a|b",
        "(a|b)*",
        "(a,b)*",
        "(a,b?)+,c",
        "(a,b){2,3}",
        "(a?,b?)",
        "(a?,b){0,2},c?",
        "((a,b){1,2},c){2,2}",
        "(a{2,2}|b)*",
        "(a|b,c)?,d",
        "a{2,2},a",
        "a*",
        "((a|b){2,2},c?){1,3}",
        "(a,(b|c)*,d)*",
        "(a{0,2},b){2,4}",
        "(a|(b,c){2,2}){1,2}",
        "a{0,3}",
        "((a,b?)*,c)*",
        "(a{3,3},b?)*",
        "a,(b|(c,d?))?,a",
        "(a?){3,5},b",
        "((a,a){2,2},b)*",
    ];
    // Every text of up to seven letters of four.
    for model in models {
        let node = node(model);
        let machine = machine(&node, &symbols).unwrap_or_else(|e| panic!("{model}: {e:?}"));
        let letters = if model.contains(['c', 'd']) { 4_u32 } else { 2 };
        for length in 0..=7_u32 {
            for number in 0..letters.pow(length) {
                let text: Vec<u32> =
                    (0..length).map(|at| number / letters.pow(at) % letters).collect();
                let expected = ends(&node, &text, &HashSet::from([0])).contains(&text.len());
                assert_eq!(runs(&machine, &text), expected, "{model} {text:?}");
            }
        }
    }
}

#[test]
fn what_is_not_deterministic_is_refused() {
    let symbols = symbols();
    for model in [
        "a?,a",
        "a*,b?,a",
        "(a|a)",
        "(a,b)|(a,c)",
        "(a?,b)*,a",
        "(a{2,3}){2,2}",
        "((a|b)*,c?)*,a",
        "a{1,2},a",
        "(a{1,2}){1,2}",
        "(a*)*,b",
    ] {
        let refused = machine(&node(model), &symbols).err();
        // A star of a star goes back to itself by two ways without counters: one way.
        match model {
            "(a*)*,b" => assert_eq!(refused, None),
            _ => assert_eq!(refused, Some(Refused::Ambiguous), "{model}"),
        }
    }
    let deep = "(((((a,b){2,3},c){2,3},a){2,3},b){2,3},c){2,3}";
    assert_eq!(machine(&node(deep), &symbols).err(), Some(Refused::TooLarge));
    let wide = Node { min: 1, max: 1, part: Part::Choice(vec![node("a"); 3_000]) };
    assert_eq!(machine(&wide, &symbols).err(), Some(Refused::TooLarge));
}

#[test]
fn a_hundred_thousand_times_is_counted() {
    let symbols = symbols();
    let machine = machine(&node("(a,b){3,100000},c"), &symbols).unwrap();
    let text = |rounds: usize| {
        let mut text: Vec<u32> = [0, 1].repeat(rounds);
        text.push(2);
        text
    };
    for (rounds, expected) in [(2, false), (3, true), (100_000, true), (100_001, false)] {
        assert_eq!(runs(&machine, &text(rounds)), expected, "{rounds}");
    }
}

#[test]
fn members_of_all_come_in_any_order_and_once() {
    let symbols = symbols();
    let machine = machine(&node("a&b?&c"), &symbols).unwrap();
    for (text, expected) in [
        (&[0, 1, 2][..], true),
        (&[2, 0], true),
        (&[2, 1, 0], true),
        (&[0, 1], false),
        (&[0, 2, 0], false),
        (&[], false),
        (&[3], false),
    ] {
        assert_eq!(runs(&machine, text), expected, "{text:?}");
    }
    let optional = Node { min: 0, ..node("a&b") };
    let machine = super::machine(&optional, &symbols).unwrap();
    assert!(runs(&machine, &[]) && runs(&machine, &[1, 0]) && !runs(&machine, &[0]));
}
