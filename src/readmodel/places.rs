//! Where the store is whose read model this is. When the store is lost and made anew at the same place, the read model is what still
//! knows of the calls that were in it: the start is refused, so that nobody overlooks the loss.

use std::path::PathBuf;

use uuid::Uuid;

use super::{OpenError, ReadModel, ReadModelSettings, opening};

impl ReadModel {
    /// The identity of the store that was at `place` before, and the file that is its read model: the one that the settings name, or
    /// one beside it. Nothing when that is the data set `identity`.
    ///
    /// # Errors
    /// When the file cannot be read, or belongs to another program.
    pub async fn predecessor_at(
        settings: &ReadModelSettings,
        identity: Uuid,
        place: &str,
    ) -> Result<Option<(String, PathBuf)>, OpenError> {
        for file in opening::files(settings) {
            let owner = opening::owner_at(&settings.clone().with_file(&file), place).await?;
            if let Some(owner) = owner.filter(|owner| *owner != identity.to_string()) {
                return Ok(Some((owner, file)));
            }
        }
        Ok(None)
    }

    /// Notes where the store is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note_place(&self, place: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query("INSERT INTO places (place) VALUES (?1) ON CONFLICT DO NOTHING")
            .bind(place)
            .execute(&mut *transaction.sql())
            .await?;
        transaction.commit().await
    }
}
