//! So many connections that ask for so long, each the next question as soon as the last one is answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_measure::Latency;
use futures_util::future::try_join_all;

use super::client::Client;

pub struct Load<'a> {
    pub address: SocketAddr,
    pub connections: usize,
    /// The path of each question, by its number.
    pub path: &'a super::Asked<'a>,
}

pub struct Measured {
    pub per_second: f64,
    pub latency: Latency,
    /// Answers other than 200.
    pub n_errors: u64,
}

/// Questions of all rounds are numbered on, so that none is asked twice.
static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Load<'_> {
    pub async fn run(&self, time: Duration) -> anyhow::Result<Measured> {
        let started = Instant::now();
        let connections = (0..self.connections).map(|_| self.ask(started + time));
        let all = try_join_all(connections).await?;
        let took = started.elapsed().as_secs_f64();
        let n_errors = all.iter().map(|(_, n_errors)| n_errors).sum();
        let times: Vec<f64> = all.into_iter().flat_map(|(times, _)| times).collect();
        Ok(Measured {
            per_second: times.len() as f64 / took,
            latency: Latency::of(&times).context("nothing was answered")?,
            n_errors,
        })
    }

    /// Milliseconds of each answer, and how many were no 200.
    async fn ask(&self, until: Instant) -> anyhow::Result<(Vec<f64>, u64)> {
        let mut client = Client::connect(self.address).await?;
        let (mut times, mut n_errors) = (Vec::new(), 0);
        while Instant::now() < until {
            let path = (self.path)(NEXT.fetch_add(1, Ordering::Relaxed));
            let started = Instant::now();
            let (status, _) = client.get(&path).await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            n_errors += u64::from(status != 200);
        }
        Ok((times, n_errors))
    }
}
