//! Reading JSON of others: what is absent is null, and nothing panics.

use serde_json::Value;

static NULL: Value = Value::Null;

/// Looks into a JSON value by key.
pub(crate) trait Look {
    /// The member, or null.
    fn at(&self, key: &str) -> &Value;
    /// The member's text, or an empty one.
    fn text(&self, key: &str) -> &str;
    /// The member's items, or none.
    fn items(&self, key: &str) -> &[Value];
}

impl Look for Value {
    fn at(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&NULL)
    }

    fn text(&self, key: &str) -> &str {
        self.at(key).as_str().unwrap_or_default()
    }

    fn items(&self, key: &str) -> &[Value] {
        self.at(key).as_array().map_or(&[], Vec::as_slice)
    }
}

/// Sets a member of an object; anything else stays as it is.
pub(crate) fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}
