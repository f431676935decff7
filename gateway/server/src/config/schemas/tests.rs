//! Sets in a folder: read as they are, or refused with file and line.

use super::*;

/// A set with one type, as files below `toy/1/`.
const SET: [(&str, &str); 4] = [
    (
        "manifest.toml",
        "family = \"toy\"\nversion = \"1\"\nnamespace = \"urn:toy\"\n[[type]]\nname = \"ToyMessage\"\n\
         direction = \"declaration\"\ntitle = \"toy\"\ntitle_zh = \"玩具\"\ndocument = \"Toy\"\n\
         key = [\"toy\", \"no\"]\nsignature = \"optional\"\n",
    ),
    (
        "ToyMessage.xsd",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns='urn:toy' targetNamespace='urn:toy' elementFormDefault='qualified'>\
         <xs:element name='ToyMessage' type='ToyMessage'/><xs:complexType name='ToyMessage'><xs:sequence>\
         <xs:element name='Toy' type='Toy' maxOccurs='100'/></xs:sequence></xs:complexType>\
         <xs:complexType name='Toy'><xs:sequence><xs:element name='no' type='xs:int'/></xs:sequence></xs:complexType></xs:schema>",
    ),
    ("examples/ToyMessage.xml", "<ToyMessage xmlns='urn:toy'><Toy><no>1</no></Toy></ToyMessage>"),
    (
        "examples/invalid/ToyMessage.schema-type.xml",
        "<ToyMessage xmlns='urn:toy'><Toy><no>one</no></Toy></ToyMessage>",
    ),
];

/// Writes the set with one file changed, and loads it.
fn loaded(file: &str, text: &str) -> Result<Catalogue, ConfigFault> {
    let folder = tempfile::tempdir().unwrap();
    for (name, good) in SET.iter().filter(|(name, _)| *name != file).chain([&(file, text)]) {
        let path = folder.path().join("toy/1").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !good.is_empty() {
            std::fs::write(path, good).unwrap();
        }
    }
    of_folder(folder.path())
}

fn refused(file: &str, text: &str) -> (String, usize, String) {
    let fault = loaded(file, text).unwrap_err();
    let at = fault.file.to_string_lossy().into_owned();
    (at.split_once("/toy/1/").map_or(at.clone(), |(_, end)| end.to_owned()), fault.line, fault.what)
}

#[test]
fn a_set_is_added_without_code() {
    let catalogue = loaded("README.md", "what it is").unwrap();
    let kind = catalogue.by_root("urn:toy", "ToyMessage").unwrap();
    assert_eq!(kind.schema_version(), "toy/1");
    assert!(catalogue.by_name("CEB311Message").is_some());
    assert!(catalogue.versions().iter().any(|version| version.name == "toy/1" && version.added));
}

#[test]
fn a_broken_set_is_refused_with_file_line_and_reason() {
    let (at, line, what) = refused("manifest.toml", "family = \"toy\"\nversion = 1\n");
    assert_eq!((at.as_str(), line), ("manifest.toml", 2));
    assert!(what.contains("expected a string"), "{what}");
    let (at, _, what) = refused("ToyMessage.xsd", "<xs:schema");
    assert_eq!(at, "ToyMessage.xsd");
    assert!(what.starts_with("the schema does not compile: "), "{what}");
    let missing = SET[1].1.replace(
        "<xs:element name='ToyMessage'",
        "<xs:include schemaLocation='gone.xsd'/><xs:element name='ToyMessage'",
    );
    assert_eq!(refused("ToyMessage.xsd", &missing).0, "ToyMessage.xsd");
    assert_eq!(
        refused("ToyMessage.xsd", "").2,
        "the type ToyMessage has no schema toy/1/ToyMessage.xsd or toy/1/ToyMessage.json"
    );
    let (at, _, what) = refused("examples/ToyMessage.xml", "<ToyMessage xmlns='urn:toy'/>");
    assert_eq!(at, "examples/ToyMessage.xml");
    assert!(what.contains("[schema-missing-element]"), "{what}");
    let (at, _, what) = refused("examples/invalid/ToyMessage.schema-type.xml", SET[2].1);
    assert_eq!(at, "examples/invalid/ToyMessage.schema-type.xml");
    assert_eq!(what, "the first fault is nothing, its name says schema-type");
    let none = refused("examples/invalid/ToyMessage.schema-type.xml", "").2;
    assert_eq!(none, "there is no invalid example ToyMessage.CODE.xml");
    let rules = "\n[[rule]]\ncode = \"x\"\ntypes = [\"ToyMessage\"]\nat = \"head\"\nen = \"e\"\nzh = \"z\"\n\
                 check = { kind = \"positive\", fields = [\"gone\"] }\n";
    let (at, line, what) = refused("rules.toml", rules);
    assert_eq!((at.as_str(), line), ("rules.toml", 3));
    assert!(what.contains("has no field gone"), "{what}");
}

#[test]
fn a_type_of_another_family_and_a_built_in_file_are_not_replaced() {
    let other = SET[0].1.replace("ToyMessage", "CEB311Message");
    let (_, _, what) = refused("manifest.toml", &other);
    assert!(what.contains("CEB311Message"), "{what}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ceb/2022-05");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("rules.toml"), "").unwrap();
    let fault = of_folder(folder.path()).unwrap_err();
    assert!(fault.what.contains("ceb/2022-05/rules.toml is built in"), "{fault}");
    assert!(of_folder(&folder.path().join("gone")).unwrap_err().what.starts_with("cannot be read"));
}
