//! Exit codes, and the one place that decides them.

use std::process::ExitCode;

use fovea_engine::Fault;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    NothingFound,
    /// Done, but something outside was not as it should be: a root that is not there, say.
    Environment,
    Input,
    Damaged,
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::NothingFound => 1,
            Exit::Input => 2,
            Exit::Environment => 3,
            Exit::Damaged => 4,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// A message for a person with the fault that decides the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub message: String,
    pub fault: Fault,
}

impl Refusal {
    pub fn input(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fault: Fault::Input,
        }
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fault: Fault::Environment,
        }
    }
}

/// The fault of whatever reached `main`. A bug of ours counts as the environment for whoever called us.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    match fault_of(error) {
        Fault::Input => Exit::Input,
        Fault::Corruption => Exit::Damaged,
        Fault::Environment | Fault::Bug => Exit::Environment,
    }
}

pub fn fault_of(error: &anyhow::Error) -> Fault {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<fovea_engine::Error>() {
            return error.fault();
        }
        if cause.is::<fovea_engine::QueryError>() {
            return Fault::Input;
        }
        if let Some(error) = cause.downcast_ref::<fovea_vectordb::Error>() {
            return error.fault();
        }
        if let Some(error) = cause.downcast_ref::<fovea_encode::Error>() {
            return fovea_engine::Error::fault_of_encode(error);
        }
        if let Some(error) = cause.downcast_ref::<fovea_train::Error>() {
            return fault_of_training(error);
        }
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return refusal.fault;
        }
    }
    Fault::Environment
}

/// What is learnt from is the user's, and what is wrong with it is too.
fn fault_of_training(error: &fovea_train::Error) -> Fault {
    match error {
        fovea_train::Error::Checkpoint { .. } => Fault::Corruption,
        fovea_train::Error::Io { .. } => Fault::Environment,
        _ => Fault::Input,
    }
}

/// Whoever reads our output may stop early, as `head` does; that is no failure.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}
