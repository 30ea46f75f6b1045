//! What the simulated world writes down for the checker: the logs of the writers, of the tables, of the receiver and of
//! the people. Plain numbers only; nothing of the core's types is in here.

/// Milliseconds since the schedule began.
pub type Millis = i64;

/// A row inserted into the event log (which may be rolled back later).
#[derive(Clone, Debug)]
pub struct Logged {
    pub tx: u64,
    pub position: i64,
    pub event: u128,
    pub subject: u128,
    pub version: i64,
    /// The connection subscribes to it.
    pub wanted: bool,
}

/// How a writer's transaction ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub at: Millis,
    pub tx: u64,
    pub committed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Delivered,
    Retrying,
    Parked,
    Held,
    Skipped,
}

/// How a row of the delivery table looks after a transaction.
#[derive(Clone, Debug)]
pub struct RowAfter {
    pub row: u64,
    pub event: u128,
    pub subject: u128,
    pub position: i64,
    pub by_person: bool,
    pub state: State,
    /// The counterpart said no (as opposed to: tries used up without knowing).
    pub refused: bool,
}

#[derive(Clone, Debug)]
pub enum Table {
    /// An owner took the connection with this number.
    Taken { fence: i64, rows: Vec<RowAfter> },
    /// An owner's write: landed or refused.
    Write { fence: i64, landed: bool, cursor: i64, gaps: Vec<(i64, i64)>, rows: Vec<RowAfter> },
    /// A person's act.
    Person { rows: Vec<RowAfter> },
}

#[derive(Clone, Copy, Debug)]
pub struct Effect {
    pub at: Millis,
    pub event: u128,
    pub subject: u128,
    pub version: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct Skip {
    pub at: Millis,
    pub event: u128,
}

/// What an owner and the other system said to each other, as the owner saw it.
#[derive(Clone, Copy, Debug)]
pub enum Traffic {
    Sent {
        fence: i64,
        event: u128,
        subject: u128,
        by_person: bool,
    },
    /// An answer, or the time limit.
    Heard {
        fence: i64,
        event: u128,
        subject: u128,
        accepted: bool,
    },
}

/// Everything there is to know about one schedule.
#[derive(Debug, Default)]
pub struct History {
    pub logged: Vec<Logged>,
    pub ended: Vec<Ended>,
    pub tables: Vec<(Millis, Table)>,
    pub effects: Vec<Effect>,
    pub skips: Vec<Skip>,
    pub traffic: Vec<(Millis, Traffic)>,
    /// The connection's limit of deliveries on their way.
    pub most_on_their_way: usize,
    /// How long an owner may go on sending without having heard from the store.
    pub trust: Millis,
    /// When the backlog was looked at after the faults had stopped (refusals were still refused).
    pub drained_at: Millis,
    /// How many of the effects had happened by then.
    pub drained_effects: usize,
    /// How often interesting things happened, for the test that asks whether the schedules are any good.
    pub seen: Seen,
}

macro_rules! seen {
    ($($name:ident),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Seen { $(pub $name: u64),+ }

        impl Seen {
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
            }

            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

seen! {
    steps, events, late_commits, rollbacks, gaps_noted, crashes, freezes, takeovers, writes_fenced, reads_fenced,
    store_errors, commits_unknown, sends, lost_requests, lost_answers, late_requests, duplicates, repeated_keys,
    refusals, down, credentials, circuit_opened, pauses, maintenances, retrying, parked, held, skips, retries, resends,
    delivered,
}
