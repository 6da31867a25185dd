//! The suite every engine behind [`Database`](crate::Database) has to pass.
