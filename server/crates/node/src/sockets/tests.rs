use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

const PIPE_BYTES: usize = 1_024;

/// A WebSocket's side of a connection, its client, and the budget.
fn socket() -> (Metered<DuplexStream>, DuplexStream, SocketBudget) {
    within(SocketBudget::default())
}

fn within(budget: SocketBudget) -> (Metered<DuplexStream>, DuplexStream, SocketBudget) {
    let (ours, client) = duplex(PIPE_BYTES);
    let metered = Metered::new(ours);
    metered.socket().begin(&budget, None).unwrap();
    (metered, client, budget)
}

fn held(budget: &SocketBudget) -> usize {
    budget.held.load(Ordering::Relaxed)
}

#[tokio::test]
async fn what_waits_for_a_client_counts_until_it_was_taken_or_the_connection_is_gone() {
    let (mut metered, mut client, budget) = socket();
    metered.socket().send(PIPE_BYTES - 4).unwrap();
    assert_eq!(held(&budget), PIPE_BYTES);
    metered.write_all(&[0; PIPE_BYTES]).await.unwrap();
    assert_eq!(held(&budget), 0, "the system has taken it");
    client.read_exact(&mut [0; PIPE_BYTES]).await.unwrap();
    metered.socket().send(5_000).unwrap();
    let in_work = metered.socket().work_on(300).unwrap();
    assert_eq!(held(&budget), 5_304);
    drop(metered);
    drop(in_work);
    assert_eq!(held(&budget), 0, "a connection that is gone holds nothing");
}

#[tokio::test]
async fn all_sockets_share_one_budget_in_which_small_messages_always_have_room() {
    let (metered, _client, budget) = socket();
    let (other, _other_client, budget) = within(budget);
    let message = 1 << 20;
    let taken = std::iter::repeat_with(|| metered.socket().send(message)).take_while(Result::is_ok).count();
    assert_eq!(taken, SOCKETS_MAX_BYTES / (message + 10));
    assert_eq!(other.socket().send(message), Err(NoRoom), "each has a budget of its own");
    assert_eq!(other.socket().work_on(message).unwrap_err(), NoRoom);
    other.socket().send(100).unwrap();
    drop(metered);
    other.socket().send(message).unwrap();
    assert_eq!(held(&budget), message + 10 + 102);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_not_read_and_is_given_up_after_its_time() {
    let hasty = SocketBudget { grace: Duration::ZERO, ..SocketBudget::default() };
    let (mut metered, mut client, budget) = within(hasty);
    metered.socket().send(2 * PIPE_BYTES).unwrap();
    client.write_all(b"more").await.unwrap();
    let (mut reads, mut writes) = tokio::io::split(&mut metered);
    let mut asked = [0; 4];
    tokio::select! {
        biased;
        written = writes.write_all(&[0; 3 * PIPE_BYTES]) => {
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        read = reads.read(&mut asked) => panic!("a client that takes nothing was read: {read:?}"),
    }
    drop(metered);
    assert_eq!(held(&budget), 0);
}

#[tokio::test]
async fn a_client_that_takes_its_messages_is_read_again_and_kept() {
    let (mut metered, mut client, _budget) = socket();
    metered.socket().send(8 * PIPE_BYTES).unwrap();
    let taking = tokio::spawn(async move {
        client.read_exact(&mut [0; 8 * PIPE_BYTES]).await.unwrap();
        client.write_all(b"more").await.unwrap();
        client
    });
    metered.write_all(&[0; 8 * PIPE_BYTES]).await.unwrap();
    let mut asked = [0; 4];
    metered.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"more");
    taking.await.unwrap();
}

#[test]
fn what_a_client_took_gives_it_more_time() {
    let mut state = State::default();
    state.budget = Some(SocketBudget::default());
    assert!(state.budget.as_ref().unwrap().take(3 << 20));
    state.unsent_bytes = 3 << 20;
    let first = state.blocked();
    state.sent(1 << 20);
    assert!(!state.is_blocked, "a client that takes something is read");
    let second = state.blocked();
    assert_eq!(second - first, Duration::from_secs((1 << 20) / READ_BYTES_PER_SECOND));
    state.sent(2 << 20);
    assert!(state.behind.is_none(), "what was taken whole leaves no deadline");
    assert!(state.blocked() >= first);
}

#[tokio::test]
async fn so_many_requests_in_work_wait_before_the_next_is_read() {
    let (mut metered, mut client, _budget) = socket();
    let socket = metered.socket();
    let mut in_work: Vec<_> = (0..CALLS_MAX).map(|_| socket.work_on(1).unwrap()).collect();
    client.write_all(b"x").await.unwrap();
    let mut asked = [0; 1];
    let paused = futures::poll!(Box::pin(metered.read(&mut asked)));
    assert!(paused.is_pending(), "the next request was read");
    in_work.pop();
    metered.read_exact(&mut asked).await.unwrap();
    drop(in_work);
    let large = socket.work_on(HELD_BYTES_MAX).unwrap();
    client.write_all(b"y").await.unwrap();
    assert!(futures::poll!(Box::pin(metered.read(&mut asked))).is_pending(), "one large request leaves room for more");
    drop(large);
    metered.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"y");
    socket.send(HELD_BYTES_MAX).unwrap();
    client.write_all(b"z").await.unwrap();
    assert!(futures::poll!(Box::pin(metered.read(&mut asked))).is_pending(), "answers pile up");
}

#[tokio::test]
async fn a_connection_that_is_no_socket_is_left_alone() {
    let (ours, mut client) = duplex(PIPE_BYTES);
    let mut metered = Metered::new(ours);
    let socket = metered.socket();
    let _in_work: Vec<_> = (0..=CALLS_MAX).map(|_| socket.work_on(1).unwrap()).collect();
    client.write_all(b"GET ").await.unwrap();
    metered.read_exact(&mut [0; 4]).await.unwrap();
}

#[tokio::test]
async fn one_caller_has_so_many_sockets_and_others_have_theirs() {
    let budget = SocketBudget::default();
    let open = |caller: &str| {
        let metered = Metered::new(duplex(1).0);
        metered.socket().begin(&budget, Some(caller.into())).map(|()| metered)
    };
    let mut held: Vec<_> = (0..MAX_SOCKETS_PER_CALLER).map(|_| open("one").unwrap()).collect();
    assert_eq!(open("one").unwrap_err(), NoRoom);
    open("other").unwrap();
    held.pop();
    held.push(open("one").unwrap());
    drop(held);
    assert!(budget.callers.lock().unwrap().is_empty(), "places or counts are left behind");
}
