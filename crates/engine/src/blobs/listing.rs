//! A page of a listing: the XML of `ListObjectsV2`.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use roxmltree::{Document, Node};

use super::bucket::Entry;

pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// Asks for the page after it.
    pub(super) next: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Page, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its listing is no text".to_owned())?;
    let document = Document::parse(text).map_err(|error| format!("its listing: {error}"))?;
    let root = document.root_element();
    if root.tag_name().name() != "ListBucketResult" {
        return Err("it answers with something that is no listing".to_owned());
    }
    let entries = children(root, "Contents").map(|node| {
        entry(node).ok_or_else(|| "an entry of its listing has no key, size or time".to_owned())
    });
    let entries: Result<Vec<Entry>, String> = entries.collect();
    let is_cut = child(root, "IsTruncated") == Some("true");
    let next = child(root, "NextContinuationToken").filter(|_| is_cut);
    Ok(Page {
        entries: entries?,
        next: next.map(str::to_owned),
    })
}

fn entry(node: Node<'_, '_>) -> Option<Entry> {
    let modified: Timestamp = child(node, "LastModified")?.parse().ok()?;
    Some(Entry {
        key: child(node, "Key")?.to_owned(),
        bytes: child(node, "Size")?.parse().ok()?,
        modified: UNIX_EPOCH + Duration::from_secs(modified.as_second().try_into().ok()?),
    })
}

fn children<'a, 'b>(node: Node<'a, 'b>, name: &'a str) -> impl Iterator<Item = Node<'a, 'b>> {
    let all = node.children();
    all.filter(move |child| child.tag_name().name() == name)
}

fn child<'a>(node: Node<'a, '_>, name: &'a str) -> Option<&'a str> {
    children(node, name).next()?.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_what_is_none_is_refused() {
        let page = read(
            b"<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>true\
              </IsTruncated><NextContinuationToken>t/1=</NextContinuationToken><Contents><Key>a &amp; b.jpg</Key>\
              <LastModified>2025-01-01T00:00:01.000Z</LastModified><Size>7</Size></Contents></ListBucketResult>",
        )
        .unwrap();
        assert_eq!(page.next.as_deref(), Some("t/1="));
        assert_eq!(
            (page.entries[0].key.as_str(), page.entries[0].bytes),
            ("a & b.jpg", 7)
        );
        for wrong in [
            &b"\xff"[..],
            b"<a/>",
            b"<ListBucketResult>",
            b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult>&b;</ListBucketResult>",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
