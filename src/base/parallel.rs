//! Work on many things at once, on the machine's processors, with the results in order.

use std::{panic::resume_unwind, sync::OnceLock, thread};

/// Fewer things for a thread than this are not worth one.
const LEAST: usize = 32;
/// The most threads; what is done here is over before more have begun.
const MOST: usize = 4;

/// Returns what `work` makes of each thing, in the order of the things.
///
/// The caller's thread works too. Where no thread can be had it does all.
pub fn map<T: Sync, U: Send>(things: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors = *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
    let threads = processors.min(MOST).min(things.len() / LEAST).max(1);
    let (own, others) = things.split_at(things.len().div_ceil(threads));
    let work = &work;
    let all = |part: &[T]| part.iter().map(work).collect::<Vec<U>>();
    thread::scope(|scope| {
        let parts = others.chunks(own.len().max(1));
        let started: Vec<_> =
            parts.map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || all(part)))).collect();
        let mut done = all(own);
        for (part, started) in started {
            done.extend(match started {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => all(part),
            });
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_however_many_there_are() {
        for length in [0, 1, LEAST - 1, LEAST, 2 * LEAST + 1, 1000] {
            let things: Vec<usize> = (0..length).collect();
            assert_eq!(map(&things, |n| n * 2), things.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
