//! Lists: every page, or a refusal.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{decode, line::Line};
use crate::{
    base::reason::{Refusal, Result},
    forge::{http::Answer, reasons::INCOMPLETE},
};

/// How many items a page has at most.
const PER_PAGE: usize = 100;
/// How many pages are read at most.
const MAX_PAGES: usize = 100;

impl Line {
    /// Reads a list of which every page is an array.
    ///
    /// `expected` is the number of items that must come, where something else tells it.
    pub(super) fn list<T: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        path: &str,
        expected: Option<u64>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.pages(what, path, |answer| {
            let page: Vec<T> = decode::json(what, &answer.body)?;
            items.extend(page);
            Ok(())
        })?;
        complete(what, items.len(), expected)?;
        Ok(items)
    }

    /// Reads a list of which every page is an object that holds `total_count` and the items.
    pub(super) fn counted<T, P: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        path: &str,
        split: impl Fn(P) -> (u64, Vec<T>),
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut total = None;
        self.pages(what, path, |answer| {
            let (count, page) = split(decode::json(what, &answer.body)?);
            if *total.get_or_insert(count) != count {
                return Err(incomplete(what, "the total changed between two pages"));
            }
            items.extend(page);
            Ok(())
        })?;
        complete(what, items.len(), total)?;
        Ok(items)
    }

    fn pages(&self, what: &str, path: &str, mut take: impl FnMut(&Answer) -> Result<()>) -> Result<()> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{joint}per_page={PER_PAGE}");
        let mut seen = BTreeSet::new();
        let mut last = None;
        loop {
            if !seen.insert(next.clone()) {
                return Err(incomplete(what, "a page that leads back to one before"));
            }
            if seen.len() > MAX_PAGES {
                return Err(incomplete(what, "more pages than can be read"));
            }
            let answer = self.get_page(&next)?;
            take(&answer)?;
            let links = links(what, &answer)?;
            // The last page itself names none; a list that grows meanwhile names a later one.
            last = links.last.or(last);
            match links.next {
                // Only the query is followed, on the path that was asked for: Enterprise hosts name themselves as
                // they like there, and other repositories have no place in our list.
                Some(query) => next = format!("{}?{query}", path.split('?').next().unwrap_or_default()),
                None => break,
            }
        }
        match last {
            Some(last) if last != seen.len() as u64 => {
                Err(incomplete(what, &format!("{} of {last} pages", seen.len())))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a list that is not whole.
pub(super) fn incomplete(what: &str, why: &str) -> Refusal {
    Refusal::new(INCOMPLETE, format!("{what}: {why}")).subject(what)
}

fn complete(what: &str, found: usize, expected: Option<u64>) -> Result<()> {
    match expected {
        Some(expected) if expected != found as u64 => Err(incomplete(what, &format!("{found} of {expected}"))),
        _ => Ok(()),
    }
}

/// What the header `Link` says: the query of the next page, and the number of the last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Links {
    next: Option<String>,
    last: Option<u64>,
}

fn links(what: &str, answer: &Answer) -> Result<Links> {
    let mut links = Links::default();
    let wrong = || incomplete(what, "a link that cannot be read");
    let mut text = String::new();
    for header in answer.headers.get_all(reqwest::header::LINK) {
        text.push_str(header.to_str().map_err(|_| wrong())?);
        text.push(',');
    }
    for link in text.split(',').map(str::trim).filter(|link| !link.is_empty()) {
        let (target, parameters) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or_else(wrong)?;
        let is = |relation: &str| {
            parameters
                .split(';')
                .any(|one| one.trim().trim_matches('"') == relation || one.trim() == format!("rel=\"{relation}\""))
        };
        let query = target.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
        if is("next") {
            let query = query.filter(|query| !query.is_empty()).ok_or_else(wrong)?;
            if links.next.replace(query.to_owned()).is_some() {
                return Err(wrong());
            }
        } else if is("last") {
            let page = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("page=")));
            links.last = page.and_then(|page| page.parse().ok());
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, LINK};

    use super::*;

    fn read(text: &str) -> Result<Links> {
        let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_str(text).unwrap())]);
        links("list", &Answer { status: 200, headers, body: Vec::new() })
    }

    #[test]
    fn a15_a_link_gives_its_query_whatever_host_and_path_it_names() {
        let next = "<https://ghe.internal/api/v3/repositories/7/issues?per_page=100&page=2>; rel=\"next\"";
        let last = "<https://ghe.internal/api/v3/repositories/7/issues?per_page=100&page=9>; rel=\"last\"";
        let found = read(&format!("{next}, {last}")).unwrap();
        assert_eq!(found, Links { next: Some("per_page=100&page=2".into()), last: Some(9) });
        let relative = read("</x?after=abc>; rel=\"next\"").unwrap();
        assert_eq!(relative, Links { next: Some("after=abc".into()), last: None });
        assert_eq!(read("<https://x/?page=1>; rel=\"prev\"").unwrap(), Links::default());
        for bad in [
            "https://x/?page=2; rel=\"next\"",
            "<https://x/>; rel=\"next\"",
            "<x?>; rel=\"next\"",
            &format!("{next}, {next}"),
        ] {
            assert_eq!(read(bad).unwrap_err().code(), "forge.incomplete", "{bad}");
        }
    }
}
