//! What sites ask their owner and wait for, oldest first.

use super::Origin;
use crate::provider::AskedFor;

/// Most questions that wait at once.
pub const ASKS_MAX: usize = 8;

/// Most questions of one site, so that one page cannot keep the others away.
pub const ASKS_PER_ORIGIN_MAX: usize = 3;

/// One question to the owner. Its number is never given to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub number: u32,
    pub origin: Origin,
    /// Names one load of a page. What a page asked is given up once it is gone.
    pub page: String,
    pub what: AskedFor,
}

/// The waiting questions, each with what takes its answer.
#[derive(Debug)]
pub struct Asks<T> {
    next: u32,
    waiting: Vec<(Ask, T)>,
}

impl<T> Asks<T> {
    pub const fn new() -> Self {
        Self::starting_at(1)
    }

    /// The numbers begin at `number`, by chance where a browser may end the program: an answer to a question that was lost
    /// must not reach a newer one.
    pub const fn starting_at(number: u32) -> Self {
        Self { next: number, waiting: Vec::new() }
    }

    /// The number of a new question. `taker` comes back where too many wait.
    pub fn add(&mut self, origin: Origin, page: String, what: AskedFor, taker: T) -> Result<u32, T> {
        let of_origin = self.waiting.iter().filter(|(ask, _)| ask.origin == origin).count();
        if self.waiting.len() >= ASKS_MAX || of_origin >= ASKS_PER_ORIGIN_MAX {
            return Err(taker);
        }
        Ok(self.go_on(origin, page, what, taker))
    }

    /// The same for a question that follows one that its owner agreed to: what was begun is not cut short because others fill the
    /// places. A batch asks one question after the other, so the batches that are sent bound how many there are.
    pub fn go_on(&mut self, origin: Origin, page: String, what: AskedFor, taker: T) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.waiting.push((Ask { number, origin, page, what }, taker));
        number
    }

    /// What is to be shown now.
    pub fn front(&self) -> Option<&Ask> {
        self.waiting.first().map(|(ask, _)| ask)
    }

    pub fn get(&self, number: u32) -> Option<&Ask> {
        self.waiting.iter().map(|(ask, _)| ask).find(|ask| ask.number == number)
    }

    /// Takes a question away, so that it is answered once: also before its transaction is sent, since it cannot be refused any
    /// more.
    pub fn take(&mut self, number: u32) -> Option<(Ask, T)> {
        let at = self.waiting.iter().position(|(ask, _)| ask.number == number)?;
        Some(self.waiting.remove(at))
    }

    /// Takes away what fits, oldest first: of a page that is gone, or of a site that lost its permission.
    pub fn take_where(&mut self, is_over: impl Fn(&Ask) -> bool) -> Vec<T> {
        let (over, left) = std::mem::take(&mut self.waiting).into_iter().partition(|(ask, _)| is_over(ask));
        self.waiting = left;
        let over: Vec<(Ask, T)> = over;
        over.into_iter().map(|(_, taker)| taker).collect()
    }
}

impl<T> Default for Asks<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(number: usize) -> Origin {
        Origin::parse(&format!("https://{number}.example")).unwrap()
    }

    fn add(asks: &mut Asks<usize>, site: usize, taker: usize) -> Result<u32, usize> {
        asks.add(origin(site), format!("page {site}"), AskedFor::Connect, taker)
    }

    #[test]
    fn a_question_is_answered_once_and_numbers_do_not_come_again() {
        let mut asks = Asks::new();
        let first = add(&mut asks, 1, 10).unwrap();
        let second = add(&mut asks, 2, 20).unwrap();
        assert_eq!(asks.front().map(|ask| ask.number), Some(first));
        assert_eq!(asks.get(second).map(|ask| &ask.origin), Some(&origin(2)));
        assert_eq!(asks.take(second).map(|(_, taker)| taker), Some(20));
        assert_eq!(asks.take(second), None, "it was answered");
        assert_eq!(asks.take(99), None);
        let third = add(&mut asks, 2, 30).unwrap();
        assert!(third != first && third != second);
    }

    #[test]
    fn one_site_cannot_fill_the_list_and_all_together_cannot_either() {
        let mut asks = Asks::new();
        for taker in 0..ASKS_PER_ORIGIN_MAX {
            add(&mut asks, 1, taker).unwrap();
        }
        assert_eq!(add(&mut asks, 1, 99), Err(99));
        for site in 2..=(2 + ASKS_MAX - ASKS_PER_ORIGIN_MAX - 1) {
            add(&mut asks, site, 0).unwrap();
        }
        assert_eq!(add(&mut asks, 77, 99), Err(99));
        // What its owner began goes on, by a number of its own and after those that wait.
        let number = asks.go_on(origin(77), "page 77".to_owned(), AskedFor::Connect, 100);
        assert!(asks.front().is_some_and(|front| front.number != number));
        assert_eq!(asks.take(number).map(|(_, taker)| taker), Some(100));
        assert_eq!(add(&mut asks, 77, 99), Err(99), "it made no room");
    }

    #[test]
    fn a_page_that_is_gone_takes_its_own_questions_along() {
        let mut asks = Asks::new();
        add(&mut asks, 1, 10).unwrap();
        let kept = add(&mut asks, 2, 20).unwrap();
        add(&mut asks, 1, 11).unwrap();
        assert_eq!(asks.take_where(|ask| ask.page == "page 1"), [10, 11]);
        assert_eq!(asks.front().map(|ask| ask.number), Some(kept));
        assert_eq!(asks.take_where(|_| true), [20]);
        assert_eq!(asks.front(), None);
    }

    #[test]
    fn no_page_that_goes_and_no_window_that_closes_refuses_what_is_being_sent() {
        let mut asks = Asks::new();
        let sent = add(&mut asks, 1, 10).unwrap();
        add(&mut asks, 1, 11).unwrap();
        let (ask, taker) = asks.take(sent).unwrap();
        assert_eq!((ask.number, taker), (sent, 10));
        assert_eq!(asks.take_where(|ask| ask.page == "page 1"), [11]);
        assert_eq!(asks.take_where(|_| true), [0_usize; 0]);
        // Refused first, it is not sent.
        let refused = add(&mut asks, 1, 12).unwrap();
        assert_eq!(asks.take_where(|_| true), [12]);
        assert_eq!(asks.take(refused), None);
    }
}
