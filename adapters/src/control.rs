//! Which goods departments look at, by the chapter of their commodity code. Customs and
//! inspection decide by the same table, so that one list has one inspection: both order it or
//! neither does. The table is that of a test zone; a real one has its own.

use crate::declaration::Fields;

/// What goods are subject to; the strictest of a list's lines decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Control {
    /// Nobody looks.
    Free,
    /// A person looks at the papers.
    Review,
    /// Customs and inspection open the parcel together.
    Joint,
    /// It goes back abroad.
    Abroad,
    /// It is detained.
    Detained,
    /// It may not be sold this way: the declaration is refused.
    Refused,
}

/// Chapters of the commodity codes (first two digits), from and to, and what they are subject to.
const CHAPTERS: [(u8, u8, Control); 5] = [
    // Living animals, meat, fish, milk, plants.
    (1, 6, Control::Joint),
    // Tobacco.
    (24, 24, Control::Refused),
    // Medicines.
    (30, 30, Control::Review),
    // Arms.
    (93, 93, Control::Detained),
    // Antiques.
    (97, 97, Control::Abroad),
];

/// What the goods of these lines (`gcode`) are subject to.
pub(crate) fn control(lines: &[Fields<'_>]) -> Control {
    lines.iter().map(of_line).max().unwrap_or(Control::Free)
}

fn of_line(line: &Fields<'_>) -> Control {
    let Some(chapter) = chapter(line) else { return Control::Free };
    let found = CHAPTERS.iter().find(|(from, to, _)| (*from..=*to).contains(&chapter));
    found.map_or(Control::Free, |(_, _, control)| *control)
}

/// The chapter of a line's commodity code.
pub(crate) fn chapter(line: &Fields<'_>) -> Option<u8> {
    line.optional("gcode")?.get(..2)?.parse().ok()
}
