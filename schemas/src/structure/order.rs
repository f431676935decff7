//! Where the walk stands inside one open element, and what the next child means:
//! due, missing something before it, repeated, late, or a stranger.

use onepoint_xml::Element;

use super::outline::{Child, Content, Outline, TypeId};

/// An element that is open.
pub(super) struct Frame<'d> {
    pub(super) element: Element<'d>,
    /// None where the schema does not look inside.
    pub(super) kind: Option<TypeId>,
    /// The child that may come now, and how often it has come.
    at: usize,
    count: u32,
    /// Which children have come, one bit each.
    came: Bits,
    /// Which have come too early: they are neither missing nor reported twice.
    moved: Bits,
    /// The value has characters that its type does not allow.
    pub(super) odd: bool,
    /// The engine has lost its way among the children: what it says more is noise.
    pub(super) spoiled: bool,
}

/// A set of places in a sequence. Beyond 128, more than any of our types has, a
/// place is never in it: a child is then called late instead of repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Bits(u128);

impl Bits {
    fn has(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }

    fn set(&mut self, place: usize) {
        self.0 |= bit(place);
    }
}

fn bit(place: usize) -> u128 {
    u32::try_from(place).ok().and_then(|place| 1u128.checked_shl(place)).unwrap_or(0)
}

/// What a child means where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It may stand here.
    Here(TypeId),
    /// It may, but these should have come before it.
    After { missing: Vec<Gap>, kind: TypeId },
    /// It has come too often.
    Repeated { max: u32 },
    /// It should have stood before the element named.
    Late { before: String },
    /// It should stand after the element named, which comes further down.
    Early { after: String },
    /// It is one of several that are too early, which was said of the first.
    Forgiven,
    /// It is not one of the children; the names are what was due.
    Stranger { due: String },
    /// Only the engine knows.
    Unknown,
}

/// A required element that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The element that stands before the gap, when there is one.
    pub(super) after: Option<String>,
    /// It came too early, which was said there.
    pub(super) moved: bool,
}

impl<'d> Frame<'d> {
    pub(super) fn new(element: Element<'d>, kind: Option<TypeId>) -> Frame<'d> {
        let (came, moved) = (Bits::default(), Bits::default());
        Frame { element, kind, at: 0, count: 0, came, moved, odd: false, spoiled: false }
    }

    /// Takes the next child.
    pub(super) fn step(&mut self, outline: &Outline, child: Element<'d>) -> Step {
        let Some(kind) = self.kind.and_then(|kind| outline.get(kind)) else { return Step::Unknown };
        let children = match &kind.content {
            Content::Ordered(children) => children,
            Content::Free(children) => {
                let found = children.iter().find(|known| known.is(child));
                return found.map_or(Step::Unknown, |known| Step::Here(known.kind));
            }
            Content::Mixed => return Step::Unknown,
            Content::Value(_) => {
                // The value is cut in pieces by it: one fault, not two.
                self.spoiled = true;
                return Step::Stranger { due: String::new() };
            }
        };
        // Mostly it is the present one or the next: begin the search there.
        let ahead = children.iter().enumerate().skip(self.at);
        let found = ahead.chain(children.iter().enumerate().take(self.at));
        let Some((index, known)) = found.into_iter().find(|(_, known)| known.is(child)) else {
            return Step::Stranger { due: self.due(children) };
        };
        if index == self.at && self.count > 0 && self.count >= known.max {
            return Step::Repeated { max: known.max };
        }
        if index < self.at {
            return self.behind(children, index);
        }
        if index > self.at && self.moved.has(index) {
            return Step::Forgiven;
        }
        let missing = self.gaps(children, index);
        // Where one that is missing comes further down, this one is early.
        let later = |gap: &&Gap| {
            !gap.moved && self.element.children().any(|e| e.is(&gap.namespace, &gap.name))
        };
        if let Some(after) = missing.iter().rev().find(later) {
            self.moved.set(index);
            return Step::Early { after: after.name.clone() };
        }
        self.came.set(index);
        (self.at, self.count) = if index == self.at { (index, self.count + 1) } else { (index, 1) };
        match missing.is_empty() {
            true => Step::Here(known.kind),
            false => Step::After { missing, kind: known.kind },
        }
    }

    fn behind(&self, children: &[Child], index: usize) -> Step {
        match (children.get(index), children.get(self.at)) {
            (Some(known), _) if self.came.has(index) && known.max == 1 => Step::Repeated { max: 1 },
            (_, Some(now)) => Step::Late { before: now.name.clone() },
            _ => Step::Unknown,
        }
    }

    /// The required children still open when the element ends.
    pub(super) fn rest(&self, outline: &Outline) -> Vec<Gap> {
        let kind = self.kind.and_then(|kind| outline.get(kind));
        match kind.map(|kind| &kind.content) {
            Some(Content::Ordered(children)) => self.gaps(children, children.len()),
            _ => Vec::new(),
        }
    }

    /// Required children between the present place and `until`.
    fn gaps(&self, children: &[Child], until: usize) -> Vec<Gap> {
        let (at, count) = (self.at, self.count);
        let last = children.get(at).filter(|_| count > 0);
        let open = children.iter().enumerate().take(until).skip(at);
        let open = open.filter(|(index, child)| child.min > if *index == at { count } else { 0 });
        open.map(|(index, child)| Gap {
            namespace: child.namespace.clone(),
            name: child.name.clone(),
            after: last.map(|last| last.name.clone()),
            moved: self.moved.has(index),
        })
        .collect()
    }

    /// What may come now, up to the next required one.
    fn due(&self, children: &[Child]) -> String {
        let mut due = Vec::new();
        for (index, child) in children.iter().enumerate().skip(self.at) {
            let came = if index == self.at { self.count } else { 0 };
            if came < child.max {
                due.push(child.name.as_str());
            }
            if came < child.min {
                break;
            }
        }
        due.join(", ")
    }

    /// All names that the type of the element knows.
    pub(super) fn names(&self, outline: &Outline) -> String {
        let kind = self.kind.and_then(|kind| outline.get(kind));
        let children = match kind.map(|kind| &kind.content) {
            Some(Content::Ordered(children) | Content::Free(children)) => children.as_slice(),
            _ => &[],
        };
        children.iter().map(|child| child.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
