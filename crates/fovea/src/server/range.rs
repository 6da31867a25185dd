//! A part of a file, as `Range: bytes=FIRST-LAST` asks for it (RFC 9110, section 14).

/// What is sent of so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// From here, so many.
    Some {
        from: u64,
        len: u64,
    },
    /// There is nothing there.
    Nowhere,
}

/// A header that is not understood, or asks for several parts, is answered with the whole.
pub fn part(header: Option<&str>, size: u64) -> Part {
    let Some(range) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = range.split_once('-') else {
        return Part::Whole;
    };
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    let (from, to) = match (number(first), number(last)) {
        (Some(Some(from)), Some(last)) => (from, last.unwrap_or(u64::MAX)),
        (Some(None), Some(Some(0))) => return Part::Nowhere,
        (Some(None), Some(Some(len))) => (size.saturating_sub(len), u64::MAX),
        _ => return Part::Whole,
    };
    if to < from {
        return Part::Whole;
    }
    match from < size {
        true => Part::Some {
            from,
            len: to.min(size - 1) - from + 1,
        },
        false => Part::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_the_standard_says() {
        let some = |from, len| Part::Some { from, len };
        for (header, expect) in [
            ("bytes=0-0", some(0, 1)),
            ("bytes=2-5", some(2, 4)),
            ("bytes=2-", some(2, 8)),
            ("bytes=2-99", some(2, 8)),
            ("bytes=-3", some(7, 3)),
            ("bytes=-99", some(0, 10)),
            ("bytes=-0", Part::Nowhere),
            ("bytes=10-", Part::Nowhere),
            ("bytes=99999999999999999999999-", Part::Nowhere),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("items=0-1", Part::Whole),
        ] {
            assert_eq!(part(Some(header), 10), expect, "{header}");
        }
        assert_eq!(part(None, 10), Part::Whole);
        assert_eq!(part(Some("bytes=0-"), 0), Part::Nowhere);
    }
}
