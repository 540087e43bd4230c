//! Which kind of transaction the hub looks at next. It sends one at a time.
//!
//! Anybody can make much of one kind wait: thousands of free jobs with orders end at one moment, and each wants a
//! transaction of its own. So the kinds take turns, and none keeps another waiting for longer than a round.

/// What a transaction of the hub is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Takes back what the minter holds of a refuted miner.
    Void,
    /// Has a claim of a refuted miner on a bounty dropped.
    Rejection,
    /// Pays what the minter held and is due.
    Release,
    /// Sets a client's money aside for a job.
    Reservation,
    /// Pays receipts from the escrow.
    Payment,
    /// Gives back what no receipt takes any more.
    Closing,
    /// Moves fees on to those whom they are for.
    Upkeep,
    /// Settles trades of the exchange and withdrawals behind them.
    Trades,
    /// Mints for receipts.
    Mint,
}

/// Trades and mints come after each transaction that a client can ask for at no cost. A void comes before everything else,
/// and above all before a release, which would pay what it takes back.
const ROUND: [Errand; 24] = {
    use Errand::{Closing, Mint, Payment, Rejection, Release, Reservation, Trades, Upkeep, Void};
    [
        Void,
        Reservation,
        Void,
        Trades,
        Void,
        Mint, //
        Void,
        Payment,
        Void,
        Trades,
        Void,
        Mint, //
        Void,
        Closing,
        Void,
        Trades,
        Void,
        Mint, //
        Void,
        Rejection,
        Void,
        Release,
        Void,
        Upkeep,
    ]
};

/// Whose turn it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turns {
    next: usize,
}

impl Turns {
    /// So many turns in a row come to every kind.
    pub const ROUND: usize = ROUND.len();

    /// The next kind.
    pub fn take(&mut self) -> Errand {
        let errand = ROUND[self.next];
        self.next = (self.next + 1) % Self::ROUND;
        errand
    }
}

#[cfg(test)]
mod tests {
    use Errand::{Closing, Mint, Payment, Rejection, Release, Reservation, Trades, Upkeep, Void};

    use super::*;

    /// What is sent first where so much of each of these kinds waits that it never ends.
    fn sent(waiting: &[Errand], transactions: usize) -> Vec<Errand> {
        let mut turns = Turns::default();
        std::iter::repeat_with(|| turns.take()).filter(|errand| waiting.contains(errand)).take(transactions).collect()
    }

    #[test]
    fn one_round_comes_to_every_kind() {
        for kind in [Void, Rejection, Release, Reservation, Payment, Closing, Trades, Mint, Upkeep] {
            assert_eq!(sent(&[kind], 3), [kind; 3]);
        }
    }

    /// The attack: free jobs without end, each of which wants a reservation, a payment and a closing.
    #[test]
    fn what_clients_ask_for_without_end_takes_a_third_of_the_transactions() {
        let free = [Reservation, Payment, Closing];
        let all = sent(&[Reservation, Payment, Closing, Trades, Mint], 90);
        for kind in [Trades, Mint] {
            let places: Vec<usize> = (0..all.len()).filter(|place| all[*place] == kind).collect();
            for pair in places.windows(2) {
                let between = &all[pair[0]..pair[1]];
                assert!(between.iter().filter(|errand| free.contains(errand)).count() <= 1, "{between:?}");
            }
        }
        assert_eq!(all.iter().filter(|errand| free.contains(errand)).count(), 30);
    }

    #[test]
    fn a_void_comes_before_each_other_transaction_and_does_not_keep_it_away() {
        let all = sent(&[Void, Release, Closing, Mint], 40);
        assert_eq!(all[0], Void);
        assert!(all.windows(2).all(|pair| pair.contains(&Void)), "{all:?}");
        for kind in [Release, Closing, Mint] {
            assert!(all[..Turns::ROUND].contains(&kind), "{kind:?} waits for longer than a round");
        }
    }
}
