//! The routing port's adapters. They know the port and the earth, and nothing of calls, drivers or HTTP.

mod great_circle;

pub use great_circle::GreatCircle;
