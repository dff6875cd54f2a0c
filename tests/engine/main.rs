//! The engine without a front end: supervision, recovery and races that are hard to bring about from outside.

mod accounts;
mod deadlines;
mod lifecycle;
mod matching;
mod sealing;
mod supervision;
mod support;
