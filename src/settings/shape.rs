//! The shape of a table of settings: its keys, their types and their ranges, as the struct declares them to utoipa. The
//! struct is the only source; reading, `config check`, the pages and the shipped file all use this module.

use std::collections::HashMap;

use utoipa::{
    Number, ToSchema,
    openapi::{
        RefOr,
        schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaFormat, SchemaType, Type},
    },
};

/// The type and range of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// A table with keys that are known.
    Table(Table),
    /// A table of which each key is a name that the user chooses.
    Map(Box<Self>),
    /// One of several tables: which one, the key `tag` says.
    Tagged {
        tag: String,
        /// The tables, each with the value of `tag` that chooses it.
        tables: Vec<(String, Table)>,
    },
    List(Box<Self>),
    Text,
    /// One of these texts.
    Choice(Vec<String>),
    Whole {
        min: i64,
        max: i64,
    },
    Number {
        min: f64,
        /// Whether `min` itself is too little.
        above_min: bool,
        max: f64,
    },
    Truth,
    /// A type that this module cannot describe. No section may have one; a test checks that.
    #[default]
    Unknown,
}

/// The keys of a table, in the order of the struct.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Each key with what it holds.
    pub fields: Vec<(String, Field)>,
    /// Whether it lists differences only: what is left out has the value of another table, not a default of its own.
    pub is_overlay: bool,
}

/// One key of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Field {
    /// The type and range of its value.
    pub shape: Shape,
    /// Whether there is no default for it.
    pub is_required: bool,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// The field's documentation, in one line.
    pub description: String,
}

impl Shape {
    /// The shape of `T`.
    #[must_use]
    pub fn of<T: ToSchema>() -> Self {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let named = named.into_iter().collect();
        Reader { named: &named }.shape(&T::schema())
    }

    /// The values that it permits, in words: `1 to 100`; empty when its type says it all.
    #[must_use]
    pub fn range(&self) -> String {
        super::read::range(self)
    }

    /// The shape at `path`.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |shape, key| match shape {
            Self::Table(table) => table.field(key).map(|field| &field.shape),
            Self::Map(each) => Some(&**each),
            _ => None,
        })
    }
}

impl Table {
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, field)| field)
    }
}

/// Marks a schema of which every key may be left out; see [`Table::is_overlay`].
pub(super) const OVERLAY: &str = "x-overlay";

struct Reader<'a> {
    named: &'a HashMap<String, RefOr<Schema>>,
}

impl Reader<'_> {
    fn shape(&self, schema: &RefOr<Schema>) -> Shape {
        let schema = match schema {
            RefOr::T(schema) => schema,
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                return self.named.get(name).map_or(Shape::Unknown, |schema| self.shape(schema));
            }
        };
        match schema {
            Schema::Object(object) => self.object(object),
            Schema::Array(array) => match &array.items {
                ArrayItems::RefOrSchema(each) => Shape::List(Box::new(self.shape(each))),
                ArrayItems::False => Shape::Unknown,
            },
            Schema::OneOf(one) => self.one_of(&one.items),
            // What is said of a field beside the name of its type.
            Schema::AllOf(all) => all.items.first().map_or(Shape::Unknown, |first| self.shape(first)),
            _ => Shape::Unknown,
        }
    }

    fn object(&self, object: &Object) -> Shape {
        match kind(&object.schema_type) {
            Some(Type::Object) => match object.additional_properties.as_deref() {
                Some(AdditionalProperties::RefOr(each)) if object.properties.is_empty() => {
                    Shape::Map(Box::new(self.shape(each)))
                }
                _ => Shape::Table(self.table(object)),
            },
            Some(Type::String) => match &object.enum_values {
                Some(values) => {
                    Shape::Choice(values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
                }
                None => Shape::Text,
            },
            Some(Type::Integer) => whole(object),
            Some(Type::Number) => number(object),
            Some(Type::Boolean) => Shape::Truth,
            Some(Type::Array | Type::Null) | None => Shape::Unknown,
        }
    }

    fn table(&self, object: &Object) -> Table {
        let fields = object.properties.iter().map(|(name, schema)| {
            let field = Field {
                shape: self.shape(schema),
                is_required: object.required.contains(name),
                is_secret: self.is_secret(schema),
                description: description(schema),
            };
            (name.clone(), field)
        });
        let is_overlay = object.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(OVERLAY));
        Table { fields: fields.collect(), is_overlay }
    }

    /// Whether no message may repeat the value: a secret, or a list of them.
    fn is_secret(&self, schema: &RefOr<Schema>) -> bool {
        match schema {
            RefOr::T(Schema::Object(object)) => object.write_only == Some(true),
            RefOr::T(Schema::Array(list)) => match &list.items {
                ArrayItems::RefOrSchema(each) => self.is_secret(each),
                ArrayItems::False => false,
            },
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                self.named.get(name).is_some_and(|schema| self.is_secret(schema))
            }
            RefOr::T(_) => false,
        }
    }

    /// Something that may be left out, or one of several tables.
    fn one_of(&self, items: &[RefOr<Schema>]) -> Shape {
        let items: Vec<_> = items.iter().filter(|item| !is_null(item)).collect();
        match items.as_slice() {
            [only] => self.shape(only),
            several => tagged(several.iter().map(|item| self.shape(item)).collect()).unwrap_or(Shape::Unknown),
        }
    }
}

/// Tables that one key with a single permitted value tells apart.
fn tagged(shapes: Vec<Shape>) -> Option<Shape> {
    let mut all = Vec::new();
    let mut tag = None;
    for shape in shapes {
        let Shape::Table(mut table) = shape else { return None };
        let (at, value) = table.fields.iter().enumerate().find_map(|(at, (_, field))| match &field.shape {
            Shape::Choice(values) if values.len() == 1 => Some((at, values.first()?.clone())),
            _ => None,
        })?;
        let (name, _) = table.fields.remove(at);
        if *tag.get_or_insert_with(|| name.clone()) != name {
            return None;
        }
        all.push((value, table));
    }
    Some(Shape::Tagged { tag: tag?, tables: all })
}

/// The type, or the one beside `null`.
fn kind(schema_type: &SchemaType) -> Option<Type> {
    match schema_type {
        SchemaType::Type(kind) => Some(kind.clone()),
        SchemaType::Array(kinds) => kinds.iter().find(|kind| **kind != Type::Null).cloned(),
        SchemaType::AnyValue => None,
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if matches!(object.schema_type, SchemaType::Type(Type::Null)))
}

/// TOML's whole numbers have 64 bits and a sign. A narrower type must say its range: see [`Shape::Unknown`].
fn whole(object: &Object) -> Shape {
    let is_wide = matches!(&object.format, Some(SchemaFormat::KnownFormat(format)) if is_64_bits(format));
    let bound = |number: &Option<Number>| match number {
        Some(Number::Int(value)) => i64::try_from(*value).ok(),
        Some(Number::UInt(value)) => i64::try_from(*value).ok(),
        Some(Number::Float(_)) | None => None,
    };
    match (bound(&object.minimum), bound(&object.maximum)) {
        (Some(min), Some(max)) => Shape::Whole { min, max },
        (min, None) if is_wide => Shape::Whole { min: min.unwrap_or(i64::MIN), max: i64::MAX },
        _ => Shape::Unknown,
    }
}

fn is_64_bits(format: &utoipa::openapi::schema::KnownFormat) -> bool {
    serde_json::to_value(format).is_ok_and(|name| name == "int64" || name == "uint64")
}

fn number(object: &Object) -> Shape {
    let bound = |number: &Option<Number>| match number {
        #[expect(clippy::cast_precision_loss, reason = "bounds of settings are far below 2^52")]
        Some(Number::Int(value)) => Some(*value as f64),
        #[expect(clippy::cast_precision_loss, reason = "bounds of settings are far below 2^52")]
        Some(Number::UInt(value)) => Some(*value as f64),
        Some(Number::Float(value)) => Some(*value),
        None => None,
    };
    let above = bound(&object.exclusive_minimum);
    match (above.or_else(|| bound(&object.minimum)), bound(&object.maximum)) {
        (Some(min), Some(max)) => Shape::Number { min, above_min: above.is_some(), max },
        _ => Shape::Unknown,
    }
}

fn description(schema: &RefOr<Schema>) -> String {
    let text = match schema {
        RefOr::Ref(reference) => Some(reference.description.as_str()),
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref(),
        RefOr::T(Schema::OneOf(one)) => one.description.as_deref(),
        RefOr::T(Schema::AllOf(all)) => all.description.as_deref(),
        RefOr::T(_) => None,
    };
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
