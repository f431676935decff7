//! What a status code says: how far a document has come, and whether that is the end. In: a
//! code as a department gave it. Out: its rank and stand, or none for a code that nobody
//! knows here: such a code is carried, and says nothing of the order. The codes are those of
//! the norm (2022-05, `returnStatus`); the zone's own answers have the same.

/// Where a code leaves a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Something more is to come.
    Open,
    /// Held up: opened, detained, suspended. It may go on from there, or not.
    Stopped,
    /// The end, as wished.
    Good,
    /// The end, not as wished.
    Bad,
}

/// What is known of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// A later one is higher, whatever the clock says: receipts can share a second.
    pub(crate) rank: u8,
    pub(crate) stand: Stand,
}

/// Ordered by customs and inspection together.
pub(crate) const INSPECTION: i64 = 500;
/// Let go; and closed after that.
pub(crate) const RELEASED: [i64; 2] = [800, 899];
/// Stored: the end where nothing is decided after it.
const STORED: i64 = 120;

/// Answers that go on after `stored`: something is decided or let go there.
const DECIDING: [&str; 10] = [
    "CEB622Message",
    "CEB624Message",
    "CEB626Message",
    "CEB604Message",
    "CEB606Message",
    "CEB214Message",
    "QuarantineResultMessage",
    "RefundResultMessage",
    "SettlementResultMessage",
    "ProofAnswerMessage",
];

/// What a code of an answer of this type says.
pub(crate) fn code(status: &str, answer_type: &str) -> Option<Code> {
    let number: i64 = status.trim().parse().ok()?;
    let mut code = known(number)?;
    if number == STORED && !DECIDING.contains(&answer_type) {
        code.stand = Stand::Good;
    }
    Some(code)
}

/// Whether a status is of an earlier step than the one that is there.
pub(crate) fn is_behind(status: i64, last: i64) -> bool {
    match (known(status), known(last)) {
        (Some(status), Some(last)) => status.rank < last.rank,
        _ => false,
    }
}

fn known(number: i64) -> Option<Code> {
    let (rank, stand) = match number {
        // Laid by at the port.
        1 => (10, Stand::Open),
        // Could not be sent on: tried again.
        4 => (15, Stand::Open),
        2 => (20, Stand::Open),
        3 => (30, Stand::Open),
        STORED => (40, Stand::Open),
        // A person looks.
        300 => (50, Stand::Open),
        INSPECTION => (60, Stand::Stopped),
        // Handed over, suspended.
        505 | 600 => (62, Stand::Stopped),
        // Detained.
        501 | 502 | 503 | 599 => (70, Stand::Stopped),
        399 => (80, Stand::Good),
        // Refused, sent back abroad, failed.
        100 | 700 | i64::MIN..=-1 => (82, Stand::Bad),
        800 => (85, Stand::Good),
        899 => (90, Stand::Good),
        _ => return None,
    };
    Some(Code { rank, stand })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(status: &str, answer_type: &str) -> Option<Stand> {
        code(status, answer_type).map(|code| code.stand)
    }

    #[test]
    fn stored_is_the_end_where_nothing_is_decided() {
        assert_eq!(stand("120", "CEB312Message"), Some(Stand::Good));
        assert_eq!(stand("120", "ZoneReturnMessage"), Some(Stand::Good));
        assert_eq!(stand("120", "CEB622Message"), Some(Stand::Open));
        assert_eq!(stand("399", "CEB622Message"), Some(Stand::Good));
    }

    #[test]
    fn codes_that_nobody_knows_say_nothing() {
        for status in ["99", "0", "", "800x", "12345678901234567890"] {
            assert_eq!(code(status, "CEB622Message"), None, "{status}");
        }
        assert_eq!(stand("-621005", "CEB622Message"), Some(Stand::Bad));
        assert!(!is_behind(99, 800) && !is_behind(2, 99));
    }

    #[test]
    fn the_course_of_a_list_goes_up_in_rank() {
        let course = [1, 4, 2, 3, 120, 300, 500, 503, 399, 100, 800, 899];
        for (n, later) in course.iter().enumerate() {
            for earlier in course.iter().take(n) {
                assert!(is_behind(*earlier, *later), "{earlier} {later}");
                assert!(!is_behind(*later, *earlier), "{later} {earlier}");
            }
        }
        assert!(!is_behind(100, 700), "of one rank the later one counts");
    }
}
