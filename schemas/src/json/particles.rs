//! Complex types of a schema: their attributes, and their particles as members with a
//! model. What has no members becomes opaque here.

use onepoint_xml::Element;

use super::shape::{
    Attribute, Content, DERIVATION_MAX, MEMBERS_MAX, Member, Model, Reader, ShapeError, Type, XS,
    documentation, fault, occurs, qualified,
};

/// Members and model under construction; `opaque` once JSON cannot say it.
#[derive(Default)]
struct Build {
    members: Vec<Member>,
    opaque: bool,
    steps: usize,
}

impl<'f> Reader<'f> {
    /// A complex type. An opaque one has no attributes of its own: they are in its XML.
    pub(super) fn complex(&mut self, complex: Element<'f>) -> Result<Type, ShapeError> {
        let mut attributes = Vec::new();
        if let Some(simple) = complex.child(XS, "simpleContent") {
            let Some(owner) = simple.child(XS, "extension") else { return Ok(opaque()) };
            let (namespace, name) =
                qualified(owner, owner.attribute("", "base").unwrap_or_default());
            let Ok(value) = self.value(namespace, name) else { return Ok(opaque()) };
            if !self.attributes(owner, &mut attributes)? {
                return Ok(opaque());
            }
            return Ok(Type { content: Content::Value(value), attributes, ..Type::default() });
        }
        let mut build = Build::default();
        let mut parts = Vec::new();
        self.content(complex, &mut build, &mut parts, &mut attributes)?;
        let twice = |member: &Member| {
            build.members.iter().filter(|other| other.name == member.name).count() > 1
        };
        if build.opaque || build.members.iter().any(twice) {
            return Ok(opaque());
        }
        let content = Content::Members(build.members, Model::Sequence(parts));
        Ok(Type { content, attributes, ..Type::default() })
    }

    /// The particles and attributes of a complex type, those of its base first.
    fn content(
        &mut self,
        complex: Element<'f>,
        build: &mut Build,
        parts: &mut Vec<Model>,
        attributes: &mut Vec<Attribute>,
    ) -> Result<(), ShapeError> {
        build.steps += 1;
        if build.steps > DERIVATION_MAX {
            return Err(fault("a type derived too often"));
        }
        build.opaque |= complex.attribute("", "mixed") == Some("true");
        let mut owner = complex;
        if let Some(derived) = complex.child(XS, "complexContent") {
            build.opaque |= derived.attribute("", "mixed") == Some("true");
            let extension = derived.child(XS, "extension");
            let Some(inner) = extension.or_else(|| derived.child(XS, "restriction")) else {
                return Err(fault("complexContent without extension or restriction"));
            };
            if extension.is_some() {
                let base = inner.attribute("", "base").unwrap_or_default();
                let (namespace, name) = qualified(inner, base);
                let base = self.find("complexType", namespace, name)?;
                self.content(base, build, parts, attributes)?;
            }
            owner = inner;
        }
        for part in owner.children() {
            if let Some(model) = self.particle(part, build)? {
                parts.push(model);
            }
        }
        build.opaque |= !self.attributes(owner, attributes)?;
        Ok(())
    }

    /// One particle: none for what is not a particle, or where the type is opaque anyway.
    fn particle(
        &mut self,
        part: Element<'f>,
        build: &mut Build,
    ) -> Result<Option<Model>, ShapeError> {
        if build.opaque || part.name().namespace != XS {
            return Ok(None);
        }
        build.steps += 1;
        let local = part.name().local;
        if !matches!(local, "element" | "sequence" | "choice" | "all" | "group" | "any") {
            return Ok(None);
        }
        let (min, max) = occurs(part)?;
        if local == "element" {
            if max == Some(0) {
                return Ok(None);
            }
            if build.members.len() >= MEMBERS_MAX {
                return Err(fault("too many members"));
            }
            let member = self.member(part)?;
            build.members.push(member);
            return Ok(Some(Model::Member(build.members.len() - 1)));
        }
        if local == "any" || max != Some(1) || build.steps > MEMBERS_MAX {
            build.opaque = true;
            return Ok(None);
        }
        let model = match (local, part.attribute("", "ref")) {
            ("group", Some(reference)) => {
                let (namespace, name) = qualified(part, reference);
                let group = self.find("group", namespace, name)?;
                Model::Sequence(self.particles(group, build)?)
            }
            ("choice", _) => Model::Choice(self.particles(part, build)?),
            _ => Model::Sequence(self.particles(part, build)?),
        };
        Ok(Some(if min == 0 { Model::Optional(Box::new(model)) } else { model }))
    }

    fn particles(
        &mut self,
        group: Element<'f>,
        build: &mut Build,
    ) -> Result<Vec<Model>, ShapeError> {
        self.enter()?;
        let mut parts = Vec::new();
        for part in group.children() {
            parts.extend(self.particle(part, build)?);
        }
        self.leave();
        Ok(parts)
    }

    /// The attributes an owner declares; false when there may be others, or such with
    /// a namespace.
    fn attributes(
        &mut self,
        owner: Element<'f>,
        found: &mut Vec<Attribute>,
    ) -> Result<bool, ShapeError> {
        for used in owner.children() {
            if used.is(XS, "anyAttribute") {
                return Ok(false);
            }
            if used.is(XS, "attributeGroup") {
                let (namespace, name) =
                    qualified(used, used.attribute("", "ref").unwrap_or_default());
                let group = self.find("attributeGroup", namespace, name)?;
                self.enter()?;
                let all = self.attributes(group, found)?;
                self.leave();
                if !all || found.len() > MEMBERS_MAX {
                    return Ok(false);
                }
            }
            if !used.is(XS, "attribute") || used.attribute("", "use") == Some("prohibited") {
                continue;
            }
            let Some(name) = used.attribute("", "name") else { return Ok(false) };
            if used.attribute("", "form") == Some("qualified")
                || used.document().root().attribute("", "attributeFormDefault") == Some("qualified")
            {
                return Ok(false);
            }
            let value = self.attribute_value(used)?;
            let required = used.attribute("", "use") == Some("required");
            let documentation = documentation(used);
            let fixed = used.attribute("", "fixed").map(str::to_owned);
            found.push(Attribute { name: name.to_owned(), required, fixed, value, documentation });
        }
        Ok(true)
    }
}

fn opaque() -> Type {
    Type { content: Content::Opaque, ..Type::default() }
}
