//! What a clause of a filter asks of one value.

use std::cmp::Ordering;

use rustc_hash::FxHashSet;

use super::glob::Glob;
use super::values::Number;
use crate::filter::Comparison;
use crate::records::Value;

/// A question that one value answers.
#[derive(Debug)]
pub(crate) enum Test<'a> {
    /// There is a value.
    Any,
    Text(Comparison, &'a str),
    Number(Comparison, Number),
    Glob(Glob),
    /// It is one of these integers.
    OneOf(FxHashSet<i64>),
}

impl<'a> Test<'a> {
    pub(crate) fn compare(op: Comparison, value: &'a Value) -> Test<'a> {
        match value {
            Value::Text(text) => Test::Text(op, text),
            Value::Integer(number) => Test::Number(op, Number::Integer(*number)),
            Value::Real(number) => Test::Number(op, Number::Real(*number)),
        }
    }

    pub(crate) fn text(&self, text: &str, scratch: &mut String) -> bool {
        match self {
            Test::Any => true,
            Test::Text(op, than) => holds(*op, text.cmp(than)),
            Test::Glob(glob) => glob.matches(text, scratch),
            Test::Number(..) | Test::OneOf(_) => false,
        }
    }

    pub(crate) fn number(&self, number: Number) -> bool {
        match (self, number) {
            (Test::Any, _) => true,
            (Test::Number(op, than), _) => {
                order(number, *than).is_some_and(|order| holds(*op, order))
            }
            (Test::OneOf(numbers), Number::Integer(number)) => numbers.contains(&number),
            (Test::OneOf(_), Number::Real(_)) | (Test::Text(..) | Test::Glob(_), _) => false,
        }
    }
}

/// The order of values that are shown: numbers before texts.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Integer(number) => Some(Number::Integer(*number)),
        Value::Real(number) => Some(Number::Real(*number)),
        Value::Text(_) => None,
    };
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => order(left, right).unwrap_or(Ordering::Equal),
            (left, right) => left.is_none().cmp(&right.is_none()),
        },
    }
}

fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Eq => order.is_eq(),
        Comparison::Ne => order.is_ne(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
    }
}

/// As SQLite has it: an integer and a real are compared by what they are, not
/// by the nearest real.
fn order(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
        (Number::Real(left), Number::Real(right)) => left.partial_cmp(&right),
        (Number::Integer(left), Number::Real(right)) => integer_to_real(left, right),
        (Number::Real(left), Number::Integer(right)) => {
            integer_to_real(right, left).map(Ordering::reverse)
        }
    }
}

fn integer_to_real(integer: i64, real: f64) -> Option<Ordering> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if real.is_nan() {
        return None;
    }
    if real < -END {
        return Some(Ordering::Greater);
    }
    if real >= END {
        return Some(Ordering::Less);
    }
    let whole = real.trunc();
    Some(
        integer
            .cmp(&(whole as i64))
            .then_with(|| whole.total_cmp(&real)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_reals_are_compared_by_what_they_are() {
        let large = (1_i64 << 53) + 1;
        for (integer, real, expect) in [
            (9, 9.5, Ordering::Less),
            (9, 9.0, Ordering::Equal),
            (-9, -9.5, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (large, 9_007_199_254_740_992.0, Ordering::Greater),
            (i64::MAX, f64::INFINITY, Ordering::Less),
            (i64::MIN, -9_223_372_036_854_775_808.0, Ordering::Equal),
            (i64::MAX, 9_223_372_036_854_775_808.0, Ordering::Less),
        ] {
            assert_eq!(
                order(Number::Integer(integer), Number::Real(real)),
                Some(expect),
                "{integer} and {real}"
            );
            assert_eq!(
                order(Number::Real(real), Number::Integer(integer)),
                Some(expect.reverse()),
                "{real} and {integer}"
            );
        }
    }
}
