//! A greeting of an older generation, word for word, at the ports of the next one: it is refused, and the job goes on.
use crate::pair::free;
use crate::world::World;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// Magic and version, before the length of a greeting.
const LENGTH_AT: usize = 10;
const PREFIX: usize = LENGTH_AT + 4;

/// So long may anything take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three processes with one worker each; what is left of them is killed when a test fails.
struct Three<'a> {
    world: &'a World,
    hosts: [SocketAddr; 3],
    processes: Vec<Child>,
}

impl Drop for Three<'_> {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill(); // it may have ended
            let _ = process.wait();
        }
    }
}

impl<'a> Three<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, hosts: [free(), free(), free()], processes: vec![] }
    }

    /// Starts the next process; `hosts` is where it looks for them all.
    fn start(&mut self, hosts: &[SocketAddr; 3]) {
        let process = self.processes.len().to_string();
        let list = self.world.path(&format!("hosts-{}-{process}", self.hosts[0].port()));
        let lines: String = hosts.iter().map(|host| format!("{host}\n")).collect();
        fs::write(&list, lines).unwrap();
        let flags = ["--hosts", &list.to_string_lossy(), "--process", &process, "--patience", "30s"];
        self.processes.push(self.world.start_with(&flags));
    }

    /// What process 2 of an attempt says to process 1 first; then the attempt is over.
    fn overheard(mut self) -> Vec<u8> {
        let ear = TcpListener::bind("127.0.0.1:0").unwrap();
        let hosts = self.hosts;
        self.start(&hosts);
        self.start(&hosts);
        self.start(&[hosts[0], ear.local_addr().unwrap(), hosts[2]]);
        let (mut said, _) = ear.accept().unwrap();
        said.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut greeting = vec![0; PREFIX];
        said.read_exact(&mut greeting).unwrap();
        let length = u32::from_le_bytes(greeting[LENGTH_AT..].try_into().unwrap());
        greeting.resize(PREFIX + length as usize, 0);
        said.read_exact(&mut greeting[PREFIX..]).unwrap();
        greeting
    }
}

/// Says it as soon as somebody listens.
fn say(at: SocketAddr, greeting: &[u8]) -> TcpStream {
    let began = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(at) {
            Ok(stream) => break stream,
            Err(e) => assert!(began.elapsed() < PATIENCE, "{at}: {e}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(greeting).unwrap();
    stream
}

/// Everything that is answered.
fn answer(mut stream: TcpStream) -> String {
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_process_of_an_older_generation_is_refused_and_the_job_goes_on() {
    let world = World::of(&["--records", "60000", "--seed", "21", "--rate", "60000"]);
    world.to_the_end("one process");
    let expected = world.rows();
    world.forget();
    let greeting = Three::new(&world).overheard();

    let mut three = Three::new(&world);
    let hosts = three.hosts;
    three.start(&hosts);
    three.start(&hosts);
    let refused = answer(say(hosts[0], &greeting));
    assert!(refused.contains("it is of generation 1, and a new one begins"), "{refused:?}\n{}", world.log());
    let waits = say(hosts[1], &greeting);
    three.start(&hosts);
    let refused = answer(waits);
    assert!(refused.contains("it is not of generation 2"), "{refused:?}\n{}", world.log());

    let codes: Vec<_> = three.processes.iter_mut().map(|process| process.wait().unwrap().code()).collect();
    assert_eq!(codes, [Some(0); 3], "{}", world.log());
    world.check(&expected, "three processes");
    assert_eq!(world.log().matches("process 2 is refused").count(), 2, "{}", world.log());
}
