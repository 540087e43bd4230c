//! Types of the REST API, by area. Pages and clients read exactly these.

pub mod explorer;
pub mod jobs;
pub mod keys;
pub mod miners;
pub mod page;
pub mod problem;
pub mod receipts;
pub mod status;

/// Gives a type that is a string in JSON its OpenAPI schema.
#[cfg(feature = "openapi")]
macro_rules! string_schema {
    ($name:ident, $description:expr, $example:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($description))
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            // An alias goes by its own name.
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}
#[cfg(feature = "openapi")]
pub(crate) use string_schema;
