//! Work that costs little more for several than for one, as where what takes time is to read what all are compared with.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whoever comes while others are at work waits, and is done with all that came meanwhile.
///
/// Nobody waits for somebody who might come: who finds nobody at work begins at once, by itself. Under load the pieces get
/// larger, and cheaper for each.
#[derive(Debug)]
pub struct Together<A, B> {
    /// Pieces that are worked on at the same time.
    n_leaders: usize,
    /// Tasks of one piece.
    most: usize,
    queue: Mutex<Queue<A, B>>,
}

#[derive(Debug)]
struct Queue<A, B> {
    n_leading: usize,
    waiting: VecDeque<Waiting<A, B>>,
}

#[derive(Debug)]
struct Waiting<A, B> {
    task: A,
    answer: Sender<Message<B>>,
    /// It was told to lead, and will.
    is_told: bool,
}

enum Message<B> {
    /// It is for this one to do what waits.
    Lead,
    Done(B),
}

/// Gives the lead on, even where the work ended in a panic.
struct Leading<'a, A, B>(&'a Together<A, B>);

impl<A, B> Together<A, B> {
    /// Pieces of at most `most` tasks, of which `n_leaders` are worked on at the same time: fewer make larger pieces.
    pub fn new(n_leaders: usize, most: usize) -> Together<A, B> {
        Together {
            n_leaders: n_leaders.max(1),
            most: most.max(1),
            queue: Mutex::new(Queue {
                n_leading: 0,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// What `work` answers for `task`, alone or among others: an answer for each task, in their order. All that wait at one
    /// of these bring the same work. Nothing where the work of those that it was done with ended in a panic.
    pub fn run(&self, task: A, work: impl Fn(Vec<A>) -> Vec<B>) -> Option<B> {
        let (answer, answered) = mpsc::channel();
        let waiting = Waiting {
            task,
            answer,
            is_told: false,
        };
        let mut is_leading = {
            let mut queue = self.queue();
            queue.waiting.push_back(waiting);
            let is_free = queue.n_leading < self.n_leaders;
            queue.n_leading += usize::from(is_free);
            is_free
        };
        loop {
            if is_leading {
                let _leading = Leading(self);
                self.lead(&work);
            }
            match answered.recv() {
                Ok(Message::Done(found)) => return Some(found),
                Ok(Message::Lead) => is_leading = true,
                Err(_) => return None,
            }
        }
    }

    /// Does a piece of what waits, oldest first.
    fn lead(&self, work: &impl Fn(Vec<A>) -> Vec<B>) {
        let piece: Vec<Waiting<A, B>> = {
            let mut queue = self.queue();
            // As much for each of those who lead, so that no thread idles while another has twice its share.
            let share = queue.waiting.len().div_ceil(self.n_leaders);
            let n = share.clamp(1, self.most).min(queue.waiting.len());
            queue.waiting.drain(..n).collect()
        };
        if piece.is_empty() {
            // Another leader was quicker.
            return;
        }
        let (tasks, answers): (Vec<A>, Vec<_>) =
            piece.into_iter().map(|one| (one.task, one.answer)).unzip();
        for (found, answer) in work(tasks).into_iter().zip(answers) {
            // Who does not listen any more needs no answer.
            let _ = answer.send(Message::Done(found));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<A, B>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A, B> Drop for Leading<'_, A, B> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        let next = queue.waiting.iter_mut().find(|one| !one.is_told);
        let has_next = next.is_some_and(|next| {
            next.is_told = true;
            next.answer.send(Message::Lead).is_ok()
        });
        queue.n_leading -= usize::from(!has_next);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Many threads with many tasks each; answers how many tasks the largest piece had.
    fn ask(n_leaders: usize, most: usize) -> usize {
        let together = Together::new(n_leaders, most);
        let (working, largest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |tasks: Vec<usize>| {
            assert!(working.fetch_add(1, Ordering::SeqCst) < n_leaders);
            largest.fetch_max(tasks.len(), Ordering::SeqCst);
            thread::sleep(Duration::from_micros(300));
            working.fetch_sub(1, Ordering::SeqCst);
            tasks.into_iter().map(|task| task * 2).collect()
        };
        thread::scope(|scope| {
            for first in 0..12 {
                let (together, work) = (&together, &work);
                scope.spawn(move || {
                    for task in 0..50 {
                        let task = first * 1_000 + task;
                        assert_eq!(together.run(task, work), Some(task * 2));
                    }
                });
            }
        });
        assert_eq!(together.queue().n_leading, 0);
        assert!(together.queue().waiting.is_empty());
        largest.into_inner()
    }

    #[test]
    fn each_gets_its_own_answer_and_what_waits_is_done_together() {
        assert!(ask(1, 8) > 1, "twelve at once never met");
        assert_eq!(ask(12, 8), 1, "nobody had to wait");
        assert_eq!(ask(2, 1), 1);
        assert!(ask(2, 5) <= 5);
    }

    #[test]
    fn a_panic_ends_its_own_piece_and_no_other() {
        let together = Together::new(1, 4);
        let started = Barrier::new(2);
        let work = |tasks: Vec<u32>| {
            if tasks == [0] {
                started.wait();
                // The others come and wait meanwhile.
                thread::sleep(Duration::from_millis(50));
                panic!("as a test wants it");
            }
            tasks
        };
        thread::scope(|scope| {
            let first = scope.spawn(|| together.run(0, work));
            started.wait();
            let others: Vec<_> = (1..4)
                .map(|task| {
                    let (together, work) = (&together, &work);
                    scope.spawn(move || together.run(task, work))
                })
                .collect();
            for (task, other) in (1..4).zip(others) {
                assert_eq!(other.join().expect("it ends"), Some(task));
            }
            assert!(first.join().is_err());
        });
        assert_eq!(together.run(7, work), Some(7));
    }
}
