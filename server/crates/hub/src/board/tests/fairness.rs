//! How long a client waits for others.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::job::request::Work;

use super::*;
use crate::board::queue::work_of;

fn client(number: u8) -> Address {
    Address::repeat_byte(0xc0 + number)
}

fn request(model: &str, steps: u32) -> ValidJob {
    let mut job = image_job(model);
    let Work::Image(input) = &mut job.work else { panic!("a picture") };
    input.steps = steps;
    job
}

/// One miner with one slot and as many models as are named, and jobs that count themselves.
struct Shop {
    board: Board,
    submitted: u128,
    clients: BTreeMap<JobId, (Address, u128)>,
    running: Option<Lease>,
    /// Who got what, in order.
    granted: Vec<(Address, u128)>,
}

impl Shop {
    fn new(models: &[&str]) -> Self {
        let mut arriving = arrival(1, 1, 1);
        let offered = arriving.capability.offers.remove(0);
        let offers =
            models.iter().map(|model| shared::capability::ModelOffer { model: (*model).into(), ..offered.clone() });
        arriving.capability.offers = offers.collect();
        let mut board = board();
        board.joined(arriving, NOW);
        Self { board, submitted: 0, clients: BTreeMap::new(), running: None, granted: vec![] }
    }

    fn submit(&mut self, client: Address, model: &str, steps: u32) -> JobId {
        self.submitted += 1;
        let (id, request) = (JobId::from_random(self.submitted), Arc::new(request(model, steps)));
        self.clients.insert(id, (client, work_of(&request, request.work.units())));
        let job = OpenJob::new(id, self.submitted as i64, client, request, UnixMillis(u64::MAX), TaskCount::ONE);
        let effects = self.board.submitted(job, NOW);
        self.see(&effects);
        id
    }

    fn see(&mut self, effects: &[Effect]) {
        for lease in granted(effects) {
            self.granted.push(self.clients[&lease.task.job_id]);
            self.running = Some(lease);
        }
    }

    /// The running task ends, and the next one goes out.
    fn serve(&mut self) {
        if let Some(lease) = self.running.take() {
            let effects = self.board.served(&lease, NOW);
            self.see(&effects);
        }
    }

    fn work_of(&self, of: Address, from: usize) -> u128 {
        self.granted[from..].iter().filter(|(client, _)| *client == of).map(|(_, work)| work).sum()
    }
}

/// What a job of this size counts in its client's account.
fn of_size(size: u32) -> u128 {
    let request = request("scenes", size);
    work_of(&request, request.work.units())
}

proptest! {
    /// The bound of [`crate::board::queue`], for a client that had nothing before.
    #[test]
    fn who_begins_to_wait_sees_one_task_of_each_other_client_go_first(
        waiting in prop::collection::vec((0..5_u8, 1..100_u32), 1..80), served in 0..40_usize, steps in 1..100_u32,
    ) {
        let mut shop = Shop::new(&["scenes"]);
        for (number, steps) in waiting {
            shop.submit(client(number), "scenes", steps);
        }
        (0..served).for_each(|_| shop.serve());
        let (newcomer, from) = (client(9), shop.granted.len());
        shop.submit(newcomer, "scenes", steps);
        while !shop.granted[from..].iter().any(|(client, _)| *client == newcomer) {
            shop.serve();
        }
        for number in 0..5 {
            let before = shop.granted[from..].iter().filter(|(of, _)| *of == client(number)).count();
            prop_assert!(before <= 1, "{before} tasks of one client went before");
        }
    }

    #[test]
    fn two_clients_that_both_wait_get_the_same_work_but_for_the_largest_task_of_each(
        sizes in prop::collection::vec((1..100_u32, 1..100_u32), 5..40), ahead in 0..10_usize,
    ) {
        let mut shop = Shop::new(&["scenes"]);
        let (one, other) = (client(1), client(2));
        // The first has had something before the second comes.
        for _ in 0..=ahead {
            shop.submit(one, "scenes", 50);
        }
        (0..ahead).for_each(|_| shop.serve());
        for (of_one, of_other) in &sizes {
            shop.submit(one, "scenes", *of_one);
            shop.submit(other, "scenes", *of_other);
        }
        let largest = |pick: fn(&(u32, u32)) -> u32| sizes.iter().map(|size| of_size(pick(size).max(50))).max().unwrap();
        let bound = largest(|size| size.0) + largest(|size| size.1);
        let from = shop.granted.len();
        let waits = |shop: &Shop, of: Address| shop.board.jobs.values().any(|job| job.client == of && job.state() == JobState::Queued);
        while waits(&shop, one) && waits(&shop, other) {
            shop.serve();
            let gap = shop.work_of(one, from).abs_diff(shop.work_of(other, from));
            prop_assert!(gap <= bound, "{gap} > {bound}");
        }
    }
}

/// The attack: one client fills the queue, the other asks for one picture at a time.
#[test]
fn a_client_with_a_full_queue_and_one_that_asks_one_at_a_time_take_turns() {
    let mut shop = Shop::new(&["scenes"]);
    for _ in 0..1_000 {
        shop.submit(client(1), "scenes", 8);
    }
    for _ in 0..20 {
        let from = shop.granted.len();
        shop.submit(client(2), "scenes", 8);
        while shop.work_of(client(2), from) == 0 {
            shop.serve();
        }
        assert!(shop.granted.len() - from <= 2, "{:?}", &shop.granted[from..]);
        assert!(shop.board.queue_depth() > 900, "the other one does not lose its place");
    }
    let first = shop.granted.iter().filter(|(of, _)| *of == client(1)).count();
    assert!(first >= 20, "nor does it wait for the one that comes again and again: {first}");
}

#[test]
fn two_models_of_one_miner_take_turns_and_a_model_that_comes_again_does_not_go_first() {
    let mut shop = Shop::new(&["scenes", "maps"]);
    for _ in 0..100 {
        shop.submit(client(1), "scenes", 8);
    }
    for _ in 0..10 {
        let from = shop.granted.len();
        shop.submit(client(2), "maps", 8);
        while shop.work_of(client(2), from) == 0 {
            shop.serve();
        }
        assert_eq!(shop.granted.len() - from, 2, "one of the other model, and then it");
    }
}

#[test]
fn what_is_canceled_or_tried_again_does_not_count_twice_nor_at_all() {
    let mut shop = Shop::new(&["scenes"]);
    shop.submit(client(3), "scenes", 8);
    let canceled: Vec<JobId> = (0..50).map(|_| shop.submit(client(1), "scenes", 100)).collect();
    for job_id in canceled {
        shop.board.take(Input::Cancel { job_id }, NOW);
    }
    shop.submit(client(1), "scenes", 8);
    shop.submit(client(2), "scenes", 8);
    shop.serve();
    assert_eq!(shop.granted.last().unwrap().0, client(1), "it asked first and had nothing");
    let lease = shop.running.take().unwrap();
    let effects = shop.board.failed(&lease, failure(Blame::Miner, true), NOW);
    shop.see(&effects);
    assert_eq!(shop.granted.last().unwrap().0, client(2), "its turn was used");
    shop.submit(client(2), "scenes", 8);
    shop.serve();
    assert_eq!(shop.granted.last().unwrap().0, client(1), "the second try goes out at no charge");
    shop.submit(client(1), "scenes", 8);
    shop.serve();
    let (one, other) = (shop.work_of(client(1), 1), shop.work_of(client(2), 1));
    assert!(one <= 3 * other, "{one} {other}");
}
