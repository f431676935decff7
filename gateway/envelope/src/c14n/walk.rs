//! The pass over the events. In: events of the selected range. Out: tags, text,
//! comments and processing instructions through the escaping writer. What a namespace
//! node costs is decided here: it is written when the nearest written ancestor did not
//! already say the same.

use onepoint_xml::{Document, Event, EventIndex, Name, NameId, TagId, XML_NAMESPACE};

use super::base;
use super::bindings::Bindings;
use super::escape::Writer;
use super::{Method, PrefixList, Selection};

/// State of one canonicalisation.
pub(super) struct Walk<'d, 'o> {
    document: &'d Document,
    comments: bool,
    /// `None`: inclusive, every prefix.
    exclusive: Option<&'o PrefixList>,
    /// Canonical XML 1.1.
    is_11: bool,
    /// The joined `xml:base` of the apex, written instead of its own.
    base: Option<String>,
    out: Writer<'o>,
    rendered: Bindings<'d>,
    /// How many bindings were rendered when each open element began.
    open: Vec<usize>,
    /// Scratch for the tag at hand.
    namespaces: Vec<(&'d str, &'d str)>,
    attributes: Vec<(Name<'d>, &'d str)>,
    root_seen: bool,
}

impl<'d, 'o> Walk<'d, 'o> {
    pub(super) fn new(
        document: &'d Document,
        method: &'o Method,
        sink: &'o mut dyn FnMut(&[u8]),
    ) -> Self {
        Self {
            document,
            comments: method.with_comments(),
            exclusive: method.prefixes(),
            is_11: method.is_11(),
            base: None,
            out: Writer::new(sink),
            rendered: Bindings::default(),
            open: Vec::new(),
            namespaces: Vec::new(),
            attributes: Vec::new(),
            root_seen: false,
        }
    }

    pub(super) fn run(mut self, selection: &Selection) {
        let events = self.document.events();
        let range = match selection.apex {
            Some(apex) => apex.0 as usize..end_of(events, apex).saturating_add(1),
            None => 0..events.len(),
        };
        let omit = selection.omit.map(|omit| omit.0 as usize);
        let mut at = range.start;
        while at < range.end {
            let Some(event) = events.get(at) else { break };
            match event {
                Event::Start { end, .. } if omit == Some(at) => {
                    at = end.0 as usize;
                    while selection.space && self.is_blank(events.get(at.saturating_add(1))) {
                        at += 1;
                    }
                }
                Event::Start { name, tag, .. } => {
                    let apex = selection.apex.filter(|apex| apex.0 as usize == at);
                    self.start(*name, *tag, apex);
                }
                Event::End { start, .. } => self.end(*start),
                Event::Text { value, .. } if !self.open.is_empty() => {
                    self.out.put_text(self.document.value(value));
                }
                Event::Text { .. } => {}
                Event::Comment { value, .. } if self.comments => {
                    self.aside("<!--", self.document.value(value), "", "-->");
                }
                Event::Comment { .. } => {}
                Event::Pi { target, data, .. } => {
                    let data = self.document.value(data);
                    self.aside("<?", self.document.value(target), data, "?>");
                }
            }
            at += 1;
        }
        self.out.finish();
    }

    fn is_blank(&self, event: Option<&Event>) -> bool {
        let blank = |text: &str| text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        matches!(event, Some(Event::Text { value, cdata: false, .. })
            if blank(self.document.value(value)))
    }

    fn start(&mut self, name: NameId, tag: TagId, apex: Option<EventIndex>) {
        let document = self.document;
        let name = document.name(name);
        self.root_seen = true;
        self.open.push(self.rendered.len());
        self.attributes.clear();
        self.namespaces.clear();
        for attribute in document.attributes(tag) {
            self.attributes.push((document.name(attribute.name), document.value(&attribute.value)));
        }
        match apex {
            Some(apex) => self.inherit(apex),
            None => {
                for declared in document.namespaces(tag) {
                    let (prefix, uri) =
                        (document.value(&declared.prefix), document.value(&declared.uri));
                    self.declared(prefix, uri);
                }
            }
        }
        if self.exclusive.is_some() {
            self.used(name);
            for attribute in document.attributes(tag) {
                let attribute = document.name(attribute.name);
                if !attribute.prefix.is_empty() {
                    self.used(attribute);
                }
            }
        }
        self.write_start(name);
    }

    /// The apex of a subtree says itself what its ancestors, which are not written, said:
    /// the namespaces in scope, and for inclusive methods their `xml:` attributes
    /// (Canonical XML 1.0 sections 2.4 and 2.3).
    fn inherit(&mut self, apex: EventIndex) {
        let element = self.document.element(apex);
        for (prefix, uri) in element.in_scope_namespaces() {
            self.declared(prefix, uri);
        }
        if self.exclusive.is_some() {
            return;
        }
        let mut ancestor = element.parent();
        while let Some(parent) = ancestor {
            for (name, value) in parent.attributes() {
                if name.namespace == XML_NAMESPACE {
                    self.inherit_attribute(name, value);
                }
            }
            ancestor = parent.parent();
        }
        // An empty joined value is not written.
        if self.base.as_deref() == Some("") {
            self.attributes.retain(|(own, _)| !is_xml(own, "base"));
        }
    }

    /// The nearest value counts. Canonical XML 1.1 (section 2.4) inherits no `xml:id`,
    /// and joins every `xml:base` on the way up.
    fn inherit_attribute(&mut self, name: Name<'d>, value: &'d str) {
        let own = self.attributes.iter().find(|(own, _)| is_xml(own, name.local));
        let own = own.map(|(_, own)| *own);
        if self.is_11 && name.local == "id" {
            return;
        }
        if self.is_11 && name.local == "base" {
            self.base = Some(match self.base.as_deref().or(own) {
                Some(inner) => base::join(value, inner),
                None => value.to_owned(),
            });
        }
        if own.is_none() {
            self.attributes.push((name, value));
        }
    }

    /// A namespace declaration stands here: it counts for prefixes treated inclusively.
    fn declared(&mut self, prefix: &'d str, uri: &'d str) {
        if self.exclusive.is_none_or(|list| list.holds(prefix)) {
            self.bind(prefix, uri);
        }
    }

    /// The tag uses this prefix visibly: that counts for all the others.
    fn used(&mut self, name: Name<'d>) {
        if self.exclusive.is_some_and(|list| !list.holds(name.prefix)) {
            self.bind(name.prefix, name.namespace);
        }
    }

    fn bind(&mut self, prefix: &'d str, uri: &'d str) {
        let said = self.rendered.get(prefix);
        let same = match said {
            Some(said) => said == uri,
            // No default namespace at all is what `xmlns=""` would say.
            None => prefix.is_empty() && uri.is_empty(),
        };
        if !same && prefix != "xml" {
            self.rendered.push(prefix, uri);
            self.namespaces.push((prefix, uri));
        }
    }

    fn write_start(&mut self, name: Name<'d>) {
        self.out.put("<");
        self.write_name(name);
        if self.namespaces.len() > 1 {
            self.namespaces.sort_unstable();
        }
        for (prefix, uri) in &self.namespaces {
            self.out.put(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.put(prefix);
            self.out.put("=\"");
            self.out.put_attribute(uri);
            self.out.put("\"");
        }
        if self.attributes.len() > 1 {
            let key = |name: &Name<'d>| (name.namespace, name.local);
            self.attributes.sort_unstable_by(|(a, _), (b, _)| key(a).cmp(&key(b)));
        }
        for (name, value) in &self.attributes {
            self.out.put(" ");
            if !name.prefix.is_empty() {
                self.out.put(name.prefix);
                self.out.put(":");
            }
            self.out.put(name.local);
            self.out.put("=\"");
            let joined = self.base.as_deref().filter(|_| is_xml(name, "base"));
            self.out.put_attribute(joined.unwrap_or(value));
            self.out.put("\"");
        }
        self.base = None;
        self.out.put(">");
    }

    fn end(&mut self, start: EventIndex) {
        if let Some(Event::Start { name, .. }) = self.document.event(start) {
            let name = self.document.name(*name);
            self.out.put("</");
            self.write_name(name);
            self.out.put(">");
        }
        if let Some(len) = self.open.pop() {
            self.rendered.cut(len);
        }
    }

    fn write_name(&mut self, name: Name<'d>) {
        if !name.prefix.is_empty() {
            self.out.put(name.prefix);
            self.out.put(":");
        }
        self.out.put(name.local);
    }

    /// A comment or processing instruction. Outside the root element it stands on its own
    /// line: the line feed follows before the root and precedes after it.
    fn aside(&mut self, open: &str, first: &str, second: &str, close: &str) {
        let outside = self.open.is_empty();
        if outside && self.root_seen {
            self.out.put("\n");
        }
        self.out.put(open);
        self.out.put(first);
        if !second.is_empty() {
            self.out.put(" ");
            self.out.put(second);
        }
        self.out.put(close);
        if outside && !self.root_seen {
            self.out.put("\n");
        }
    }
}

fn is_xml(name: &Name<'_>, local: &str) -> bool {
    name.namespace == XML_NAMESPACE && name.local == local
}

fn end_of(events: &[Event], start: EventIndex) -> usize {
    match events.get(start.0 as usize) {
        Some(Event::Start { end, .. }) => end.0 as usize,
        _ => start.0 as usize,
    }
}
