//! The files of the services, as an operator edits and removes them between two starts, and the terms that are kept.

use std::{fs, path::PathBuf};

use toml::Value;

use super::{
    Server,
    setup::{change_policy, policy_file},
};

impl Server {
    /// Sets a key in the file of a service. The next start reads it.
    pub fn edit_service(&self, service: &str, key: &str, value: impl Into<Value>) {
        change_policy(&self.service_file(service), key, value.into());
    }

    /// Takes the file of a service away. The next start is without it.
    pub fn remove_service(&self, service: &str) {
        fs::rename(self.service_file(service), self.aside(service)).expect("the file is moved away");
    }

    /// Puts the file of a service back that was taken away.
    pub fn put_back_service(&self, service: &str) {
        fs::rename(self.aside(service), self.service_file(service)).expect("the file is put back");
    }

    /// The text of the file of a service.
    pub fn service_text(&self, service: &str) -> String {
        fs::read_to_string(self.service_file(service)).expect("the file of the service")
    }

    /// Writes the file of a service anew.
    pub fn write_service(&self, service: &str, text: &str) {
        fs::write(self.service_file(service), text).expect("the file of the service");
    }

    /// How many terms the store keeps.
    pub async fn kept_terms(&self) -> usize {
        self.store().kept_terms(self.folder()).await
    }

    /// Has the store no longer have any terms, while no server is on it.
    pub async fn lose_terms(&self) {
        self.store().lose_terms(self.folder()).await;
    }

    /// Has the store no longer have any terms, and a call name none, as before terms were kept. No server is on it.
    pub async fn make_older(&self, call: &str) {
        self.store().unname_terms(call, self.folder()).await;
        self.lose_terms().await;
    }

    /// Changes the text of the terms that are kept, while no server is on the store.
    pub async fn change_kept_terms(&self) {
        self.store().change_terms(self.folder()).await;
    }

    fn service_file(&self, service: &str) -> PathBuf {
        policy_file(&self.folder().join("config"), service)
    }

    fn aside(&self, service: &str) -> PathBuf {
        self.folder().join(format!("{service}.aside"))
    }
}
