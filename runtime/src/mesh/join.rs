//! How the processes of an attempt come together: everybody connects to process 0; once all are there it decides what they
//! go on from; then they connect to each other.
use super::greet::{GREETING_TAKES, Guest, Reception, listen, say};
use super::hosts::{Cluster, Named};
use super::link::{Link, Links};
use super::transport::Transport;
use super::wire::{Answer, Hello, Plan, Sameness, Session};
use crate::run::Status;
use crate::run::control::{Failure, FailureKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How often a waiting process looks around, and tries to connect again.
const LOOK: Duration = Duration::from_millis(50);
/// So long may connecting take before it is tried again.
const CONNECT_TAKES: Duration = Duration::from_secs(2);

/// What a process waits with.
pub(crate) struct Waiting<'a> {
    pub cluster: &'a Cluster,
    pub sameness: Sameness,
    /// Says when to give up.
    pub status: &'a Status,
}

/// All processes but process 0, which wait for its word.
pub(crate) struct Gathered<'a> {
    cluster: &'a Cluster,
    guests: Vec<Option<Guest>>,
}

/// Process 0: waits for all others.
///
/// # Errors
/// Where they do not come in time, or the run is to stop.
pub(crate) fn gather<'a>(waiting: &Waiting<'a>) -> Result<Gathered<'a>, Failure> {
    let cluster = waiting.cluster;
    let reception = Reception::open(cluster, waiting.sameness.clone()).map_err(refused)?;
    let guests = waiting.guests(&reception, Instant::now() + cluster.patience, &|hello| {
        let older = |session: &Session| format!("it is of generation {}, and a new one begins", session.generation);
        hello.session.as_ref().map(older)
    })?;
    Ok(Gathered { cluster, guests })
}

impl Gathered<'_> {
    /// Tells all what is to be done.
    pub fn welcome(self, plan: &Plan) -> Result<Links, Failure> {
        let answer = Answer::Welcome(Some(plan.clone()));
        self.guests
            .into_iter()
            .enumerate()
            .map(|(process, guest)| guest.map(|guest| welcome(self.cluster, process, &guest, &answer)).transpose())
            .collect()
    }

    /// Tells all that nothing can be done.
    pub fn refuse(self, why: &str, for_good: bool) {
        self.guests.iter().flatten().for_each(|guest| guest.refuse(why, for_good));
    }
}

/// Any other process: asks process 0 what is to be done, and connects to the rest.
///
/// # Errors
/// Where another process does not come in time, or refuses; and where the run is to stop.
pub(crate) fn follow(waiting: &Waiting<'_>) -> Result<(Plan, Links), Failure> {
    let cluster = waiting.cluster;
    let deadline = Instant::now() + cluster.patience;
    let reception = Reception::open(cluster, waiting.sameness.clone()).map_err(refused)?;
    let (first, answer) = waiting.connect(0, None, deadline)?;
    let Answer::Welcome(Some(plan)) = answer else {
        return Err(lost(format!("{} has no plan", Named(&cluster.hosts, 0))));
    };
    let mut links: Links = vec![Some(link(cluster, 0, first)?)];
    for process in 1..cluster.process {
        let (transport, _) = waiting.connect(process, Some(&plan.session), deadline)?;
        links.push(Some(link(cluster, process, transport)?));
    }
    let guests = waiting.guests(&reception, deadline, &|hello| match &hello.session {
        Some(session) if *session == plan.session => None,
        _ => Some(format!("it is not of generation {}", plan.session.generation)),
    })?;
    for (process, guest) in guests.into_iter().enumerate().skip(cluster.process) {
        let welcomed = guest.map(|guest| welcome(cluster, process, &guest, &Answer::Welcome(None)));
        links.push(welcomed.transpose()?);
    }
    Ok((plan, links))
}

impl Waiting<'_> {
    /// Waits for all processes with higher numbers. One that comes again takes the place of its former self.
    fn guests(
        &self,
        reception: &Reception,
        deadline: Instant,
        objection: &dyn Fn(&Hello) -> Option<String>,
    ) -> Result<Vec<Option<Guest>>, Failure> {
        let (first, processes) = (self.cluster.process + 1, self.cluster.hosts.len());
        let mut guests: Vec<Option<Guest>> = (0..processes).map(|_| None).collect();
        while let Some(missing) = (first..processes).find(|i| guests[*i].is_none()) {
            self.check(missing, deadline, "has not come")?;
            match reception.guests.recv_timeout(LOOK) {
                Ok(guest) => match (objection(&guest.hello), guests.get_mut(guest.hello.index as usize)) {
                    (None, Some(place)) => *place = Some(guest),
                    (why, _) => guest.refuse(&why.unwrap_or_default(), false),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(lost("nobody listens any more".into())),
            }
        }
        Ok(guests)
    }

    /// Connects to a process and says who this is, until it is welcome.
    fn connect(
        &self,
        to: usize,
        session: Option<&Session>,
        deadline: Instant,
    ) -> Result<(Arc<dyn Transport>, Answer), Failure> {
        let index = self.cluster.process as u32;
        let hello = Hello { sameness: self.sameness.clone(), index, session: session.cloned() };
        loop {
            let answered = self.reach(to).and_then(|transport| {
                say(&*transport, &hello)?;
                let answer = self.answer(&*transport, to, deadline)?;
                Ok((transport, answer))
            });
            match answered {
                Ok((_, Answer::Refused { why, for_good })) => {
                    let what = format!("{} refuses this process: {why}", Named(&self.cluster.hosts, to));
                    return Err(if for_good { refused(what) } else { lost(what) });
                }
                Ok(welcome) => return Ok(welcome),
                Err(why) => self.check(to, deadline, &why)?,
            }
            std::thread::sleep(LOOK);
        }
    }

    fn reach(&self, to: usize) -> Result<Arc<dyn Transport>, String> {
        let mut why = "its name leads nowhere".to_string();
        for at in self.cluster.hosts.resolve(to).map_err(|e| e.to_string())? {
            match TcpStream::connect_timeout(&at, CONNECT_TAKES) {
                Ok(stream) => {
                    let set = |e: std::io::Error| e.to_string();
                    stream.set_nodelay(true).map_err(set)?;
                    stream.allow(GREETING_TAKES).map_err(set)?;
                    return match &self.cluster.tls {
                        Some(tls) => tls.connect(stream, self.cluster.hosts.address(to)),
                        None => Ok(Arc::new(stream)),
                    };
                }
                Err(e) => why = e.to_string(),
            }
        }
        Err(why)
    }

    /// Process 0 answers once all are there.
    fn answer(&self, transport: &dyn Transport, to: usize, deadline: Instant) -> Result<Answer, String> {
        transport.allow(deadline.saturating_duration_since(Instant::now()).max(LOOK)).map_err(|e| e.to_string())?;
        listen(transport).map_err(|why| format!("does not answer: {why} ({to})"))
    }

    fn check(&self, missing: usize, deadline: Instant, why: &str) -> Result<(), Failure> {
        if self.status.is_stopping() {
            return Err(Failure {
                what: "asked to stop before all processes were there".into(),
                kind: FailureKind::Stopped,
            });
        }
        if Instant::now() < deadline {
            return Ok(());
        }
        let who = Named(&self.cluster.hosts, missing);
        Err(lost(format!("{who} {why}; waited {:?}", self.cluster.patience)))
    }
}

fn welcome(cluster: &Cluster, process: usize, guest: &Guest, answer: &Answer) -> Result<Arc<Link>, Failure> {
    say(&*guest.transport, answer).map_err(|e| lost(format!("{} is gone: {e}", Named(&cluster.hosts, process))))?;
    link(cluster, process, Arc::clone(&guest.transport))
}

fn link(cluster: &Cluster, process: usize, transport: Arc<dyn Transport>) -> Result<Arc<Link>, Failure> {
    let name = Named(&cluster.hosts, process).to_string();
    transport.allow(cluster.silence).map_err(|e| lost(format!("{name}: {e}")))?;
    Ok(Arc::new(Link::new(process, name, transport)))
}

fn refused(what: String) -> Failure {
    Failure { what, kind: FailureKind::Refused }
}

fn lost(what: String) -> Failure {
    Failure { what, kind: FailureKind::Lost }
}

#[cfg(test)]
mod tests;
