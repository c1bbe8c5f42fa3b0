use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Wake, Waker},
    time::Duration,
};

use super::*;
use crate::engine::state::{Registry, ServerConfig, StateWord};

fn farm(n: usize, maxconn: u32) -> (Arc<BackendState>, Vec<Arc<ServerState>>) {
    let r = Registry::new(1);
    let b = r.backend("b");
    let s: Vec<_> = (0..n)
        .map(|i| {
            let s = r.server("b", &i.to_string());
            s.configure(ServerConfig { weight: 1, maxconn, ..ServerConfig::default() }, 0);
            s
        })
        .collect();
    b.set_members(&s, false, 0);
    (b, s)
}

fn granted(t: &Ticket) -> Option<Option<u32>> {
    t.poll(Waker::noop()).map(|g| match g {
        Grant::Slot(s) => Some(s.uid),
        Grant::Again => None,
    })
}

#[test]
fn who_came_first_is_served_first_and_positions_count_who_went_before() {
    let (b, s) = farm(1, 1);
    assert!(s[0].try_take());
    let tickets: Vec<_> = (0..3).map(|i| enter(&b, None, Priority::default(), i)).collect();
    assert_eq!(b.queued.now(), 3);
    for (i, t) in tickets.iter().enumerate() {
        assert!(granted(t).is_none());
        release(&s[0]);
        assert_eq!(granted(t), Some(Some(s[0].uid)));
        assert_eq!(t.positions(), Positions { server: 0, backend: i as u32 + 1 });
        assert_eq!(s[0].sessions.now(), 1);
    }
    release(&s[0]);
    assert_eq!((b.queued.now(), s[0].sessions.now()), (0, 0));
}

#[test]
fn priority_goes_before_arrival_and_between_both_queues() {
    let (b, s) = farm(1, 1);
    assert!(s[0].try_take());
    let late = enter(&b, None, Priority { class: 0, offset_ms: 50 }, 10);
    let own = enter(&b, Some(&s[0]), Priority::default(), 20);
    let vip = enter(&b, None, Priority { class: -1, offset_ms: 0 }, 30);
    for t in [&vip, &own, &late] {
        release(&s[0]);
        assert!(granted(t).is_some());
    }
    assert_eq!(own.positions(), Positions { server: 1, backend: 0 });
}

#[test]
fn giving_up_frees_the_place_and_a_slot_granted_meanwhile() {
    let (b, s) = farm(1, 1);
    assert!(s[0].try_take());
    let (one, two) = (enter(&b, None, Priority::default(), 0), enter(&b, None, Priority::default(), 1));
    leave(&b, None, &one);
    assert_eq!(b.queued.now(), 1);
    release(&s[0]);
    leave(&b, None, &two);
    assert_eq!((b.queued.now(), s[0].sessions.now()), (0, 0));
    assert!(s[0].try_take());
}

#[test]
fn those_who_wait_for_a_server_that_falls_choose_again() {
    let (b, s) = farm(2, 1);
    assert!(s[0].try_take() && s[1].try_take());
    let t = enter(&b, Some(&s[0]), Priority::default(), 0);
    let change = s[0].set_state(StateWord::Maint, 5);
    assert_eq!(granted(&t), Some(None));
    assert!(change.log[0].text.contains("1 requeued, 0 remaining in queue"), "{change:?}");
    assert_eq!(s[0].queued.now(), 0);
}

#[test]
fn newcomers_do_not_overtake_and_a_raised_limit_lets_waiters_in() {
    let (b, s) = farm(1, 1);
    assert!(s[0].try_take());
    let t = enter(&b, Some(&s[0]), Priority::default(), 0);
    s[0].sessions.leave();
    assert!(!s[0].try_take(), "somebody waits for it");
    s[0].set_maxconn("2").unwrap();
    assert!(granted(&t).is_some());
}

/// Counts wake-ups, and lets a thread sleep until one comes.
#[derive(Default)]
struct Bell(AtomicU32, std::sync::Mutex<()>, std::sync::Condvar);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        let _held = self.1.lock().unwrap();
        self.2.notify_all();
    }
}

/// Many threads over few slots: the limit holds at every moment, nobody is forgotten, all slots come back.
#[test]
fn no_waiter_is_lost_between_threads() {
    let (b, s) = farm(2, 2);
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    let work = || {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        for i in 0..400usize {
            let target = &s[i % 2];
            let slot = if target.try_take() {
                target.clone()
            } else {
                let wanted = (i % 3 == 0).then_some(&**target);
                let t = enter(&b, wanted, Priority::default(), i as u64);
                loop {
                    let rung = bell.0.load(SeqCst);
                    match t.poll(&waker) {
                        Some(Grant::Slot(s)) => break s,
                        Some(Grant::Again) => unreachable!("no server falls here"),
                        None => {
                            let held = bell.1.lock().unwrap();
                            let asleep = |_: &mut ()| bell.0.load(SeqCst) == rung;
                            let waited = bell.2.wait_timeout_while(held, Duration::from_secs(20), asleep);
                            assert!(!waited.unwrap().1.timed_out(), "a waiter was forgotten");
                        }
                    }
                }
            };
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::yield_now();
            inside.fetch_sub(1, SeqCst);
            release(&slot);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(work);
        }
    });
    assert!(most.load(SeqCst) <= 4);
    assert_eq!((s[0].sessions.now(), s[1].sessions.now(), b.queued_in_all()), (0, 0, 0));
}
