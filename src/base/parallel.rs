//! Work on many things at once, on the machine's processors, with the results in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};

/// The most threads beside the caller's; what is done here is over before more have begun.
const MOST: usize = 3;
/// How many things are under way at once, for each thread: what bounds the memory.
const AHEAD: usize = 4;
/// How many things of a slice are handed to a thread together.
const TOGETHER: usize = 16;

/// Does some work on everything that `next` gives, on all processors, and hands the results to `take` in order.
///
/// `next` and `take` run on the caller's thread, which works too where nothing is to be given or taken. Where no
/// thread can be had it does all. At most some sixteen things and results are in memory at once.
///
/// # Errors
/// The first of `next` and `take`; what came before it was taken.
pub fn pipe<T: Send, U: Send, E>(
    mut next: impl FnMut() -> Result<Option<T>, E>,
    work: impl Fn(T) -> U + Sync,
    mut take: impl FnMut(U) -> Result<(), E>,
) -> Result<(), E> {
    let helpers = (processors() - 1).min(MOST);
    let bench = Bench::default();
    thread::scope(|scope| {
        let _over = Over(&bench);
        let (mut given, mut taken, mut ended) = (0, 0, None);
        loop {
            let done = bench.lock().done.remove(&taken);
            if let Some(done) = done {
                taken += 1;
                take(done)?;
            } else if ended.is_none() && given - taken < (helpers + 1) * AHEAD {
                match next() {
                    Ok(Some(thing)) => {
                        bench.put(given, thing);
                        given += 1;
                        // Nobody is asked to help with a single thing.
                        for _ in 0..if given == 2 { helpers } else { 0 } {
                            let _ = thread::Builder::new().spawn_scoped(scope, || bench.help(&work));
                        }
                    }
                    Ok(None) => ended = Some(Ok(())),
                    Err(e) => ended = Some(Err(e)),
                }
            } else if taken == given {
                return ended.unwrap_or(Ok(()));
            } else {
                bench.work_or_wait(&work, taken);
            }
        }
    })
}

/// Returns what `work` makes of each thing, in the order of the things.
///
/// The caller's thread works too. Where no thread can be had it does all.
pub fn map<T: Sync, U: Send>(things: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let mut done = Vec::with_capacity(things.len());
    let mut parts = things.chunks(TOGETHER);
    let all = |part: &[T]| part.iter().map(&work).collect::<Vec<U>>();
    let mut take = |part: Vec<U>| {
        done.extend(part);
        Ok::<(), std::convert::Infallible>(())
    };
    match pipe(|| Ok(parts.next()), all, &mut take) {
        Ok(()) => done,
        Err(never) => match never {},
    }
}

/// Returns how many processors this process may use.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// What is to be worked on, and what was made of it, by number.
struct Bench<T, U> {
    state: Mutex<Things<T, U>>,
    /// Somebody gave something, or nothing more comes.
    given: Condvar,
    /// Something is done, or whoever worked on it is gone.
    finished: Condvar,
}

struct Things<T, U> {
    todo: VecDeque<(usize, T)>,
    done: BTreeMap<usize, U>,
    over: bool,
    broken: bool,
}

impl<T, U> Default for Bench<T, U> {
    fn default() -> Self {
        let things = Things { todo: VecDeque::new(), done: BTreeMap::new(), over: false, broken: false };
        Self { state: Mutex::new(things), given: Condvar::new(), finished: Condvar::new() }
    }
}

impl<T, U> Bench<T, U> {
    /// Nothing here panics under the lock, so that the things are whole whatever happened to a thread.
    fn lock(&self) -> MutexGuard<'_, Things<T, U>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, number: usize, thing: T) {
        self.lock().todo.push_back((number, thing));
        self.given.notify_one();
    }

    /// Works on what is given until nothing more comes.
    fn help(&self, work: &impl Fn(T) -> U) {
        let _left = Left(self);
        loop {
            let mut things = self.lock();
            let (number, thing) = loop {
                match things.todo.pop_front() {
                    _ if things.over => return,
                    Some(thing) => break thing,
                    None => things = self.given.wait(things).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(things);
            let done = work(thing);
            self.lock().done.insert(number, done);
            self.finished.notify_one();
        }
    }

    /// Works on one thing; where others have all, waits for the one that is wanted.
    fn work_or_wait(&self, work: &impl Fn(T) -> U, wanted: usize) {
        let mut things = self.lock();
        if let Some((number, thing)) = things.todo.pop_front() {
            drop(things);
            let done = work(thing);
            self.lock().done.insert(number, done);
            return;
        }
        while !things.done.contains_key(&wanted) {
            assert!(!things.broken, "a thread of the work stopped");
            things = self.finished.wait(things).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Sends the helpers home when the caller is done, however it is.
struct Over<'a, T, U>(&'a Bench<T, U>);

impl<T, U> Drop for Over<'_, T, U> {
    fn drop(&mut self) {
        let mut things = self.0.lock();
        things.over = true;
        things.todo.clear();
        drop(things);
        self.0.given.notify_all();
    }
}

/// Tells the caller, who would wait for ever, of a helper that panics.
struct Left<'a, T, U>(&'a Bench<T, U>);

impl<T, U> Drop for Left<'_, T, U> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().broken = true;
            self.0.finished.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_however_many_there_are() {
        for length in [0, 1, TOGETHER - 1, TOGETHER, 2 * TOGETHER + 1, 1000] {
            let things: Vec<usize> = (0..length).collect();
            assert_eq!(map(&things, |n| n * 2), things.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_came_before_an_error_is_taken_and_nothing_after() {
        for end in [0, 1, 2, 3, 40] {
            let (mut given, mut taken) = (0, Vec::new());
            let next = || {
                given += 1;
                if given > end { Err("the source") } else { Ok(Some(given)) }
            };
            let take = |n| {
                taken.push(n);
                Ok(())
            };
            assert_eq!(pipe(next, |n| n, take), Err("the source"));
            assert_eq!(taken, (1..=end).collect::<Vec<i32>>());
            let (mut given, mut taken) = (0, Vec::new());
            let next = || {
                given += 1;
                Ok(Some(given))
            };
            let take = |n| {
                taken.push(n);
                if n > end { Err("whoever takes") } else { Ok(()) }
            };
            assert_eq!(pipe(next, |n| n, take), Err("whoever takes"));
            assert_eq!(taken, (1..=end + 1).collect::<Vec<i32>>());
        }
    }

    #[test]
    fn no_more_is_given_than_is_taken_but_for_a_few() {
        let (given, taken) = (std::cell::Cell::new(0_usize), std::cell::Cell::new(0_usize));
        let next = || {
            assert!(given.get() - taken.get() <= (MOST + 1) * AHEAD);
            given.set(given.get() + 1);
            Ok::<_, ()>((given.get() <= 1000).then_some(given.get()))
        };
        pipe(
            next,
            |n| n,
            |n| {
                taken.set(n);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(taken.get(), 1000);
    }

    #[test]
    #[should_panic(expected = "stopped")]
    fn a_panic_of_the_work_is_the_callers() {
        let caller = thread::current().id();
        let helped = Mutex::new(false);
        let work = |n: usize| {
            if thread::current().id() == caller {
                // The helper comes sooner or later; where there is none, this is its panic.
                while processors() > 1 && !*helped.lock().unwrap_or_else(PoisonError::into_inner) {
                    thread::yield_now();
                }
                assert!(processors() > 1, "the work stopped");
                return n;
            }
            *helped.lock().unwrap_or_else(PoisonError::into_inner) = true;
            panic!("the work stopped");
        };
        let mut things = 0..64;
        let _ = pipe(|| Ok::<_, ()>(things.next()), work, |_| Ok(()));
    }
}
