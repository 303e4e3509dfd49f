//! What a status shows and no rule asks for: certificates, locks, alarms, sizes, what Kubernetes says of a claim.

use jiff::SignedDuration;
use reconcile::fleet::Ordinal;
use reconcile::state::{Alarm, AlarmKind, Lock, Obstacle, Reading};

use super::{Result, World};

impl World {
    pub(super) fn seen(&mut self, words: &[&str]) -> Result<()> {
        let at = self.observed.at;
        match words {
            ["access", secret] => {
                self.spec.access.client_cert_secret_name = Some((*secret).to_owned());
            }
            ["certificate", secret, key, "unreadable", why @ ..] => {
                self.certificate(secret, key, Reading::Unknown(why.join(" ")))?;
            }
            ["certificate", secret, key, days @ ..] => {
                let end = |day: &&str| Ok(format!("{day}T00:00:00Z").parse()?);
                let ends = days.iter().map(end).collect::<Result<Vec<_>>>()?;
                self.certificate(secret, key, Reading::Known(ends))?;
            }
            ["secret", "absent", name] => {
                self.kube()?.secrets.insert((*name).to_owned(), None);
            }
            ["lock", holder, held, renewed] => {
                let ago = |seconds: &str| {
                    Ok::<_, Box<dyn std::error::Error>>(
                        at - SignedDuration::from_secs(seconds.parse()?),
                    )
                };
                self.kube()?.lock = Some(Lock {
                    holder: format!("{holder} boot:7f1e ns:4026531836 start:81375"),
                    acquired: Some(ago(held)?),
                    renewed: ago(renewed)?,
                    duration: 30,
                    commit: Some("3f9c2ab00112233445566778899aabbccddeeff0".into()),
                });
            }
            ["alarm", ordinal, kind] => {
                let url = self.spec.peer_url(Ordinal(ordinal.parse()?));
                let list = self.observed.etcd.membership.known().ok_or("no list")?;
                let member = list.members.iter().find(|m| m.peer_urls.contains(&url));
                let alarm = Alarm {
                    member: member.ok_or("not listed")?.id,
                    kind: match *kind {
                        "NOSPACE" => AlarmKind::NoSpace,
                        _ => AlarmKind::Corrupt,
                    },
                };
                let alarms = self.observed.etcd.alarms.known_mut();
                alarms.ok_or("no alarms")?.push(alarm);
            }
            ["database", ordinal, size, in_use] => {
                let statuses = &mut self.observed.etcd.statuses;
                let status = statuses.get_mut(&Ordinal(ordinal.parse()?));
                let status = status.and_then(Reading::known_mut).ok_or("silent")?;
                (status.db_size, status.db_size_in_use) = (size.parse()?, in_use.parse()?);
            }
            ["resize", ordinal, size, capacity, what @ ..] => {
                let claim = self.kube()?.claims.get_mut(&Ordinal(ordinal.parse()?));
                let claim = claim.ok_or("no claim")?;
                (claim.request, claim.capacity) = (size.parse()?, Some(capacity.parse()?));
                claim.resize = Some(what.join(" "));
            }
            ["obstacle", ordinal, said @ ..] => {
                let obstacle = Obstacle {
                    said: said.join(" "),
                    at,
                    refused: true,
                };
                let obstacles = &mut self.kube()?.obstacles;
                obstacles.insert(Ordinal(ordinal.parse()?), obstacle);
            }
            ["nodes", "unreadable", why @ ..] => {
                self.kube()?.nodes = Reading::Unknown(why.join(" "));
            }
            _ => return Err(format!("no such thing happens: {words:?}").into()),
        }
        Ok(())
    }

    fn certificate(
        &mut self,
        secret: &str,
        key: &str,
        ends: Reading<Vec<jiff::Timestamp>>,
    ) -> Result<()> {
        let certificates = &mut self.kube()?.certificates;
        let keys = certificates.entry(secret.to_owned()).or_default();
        keys.insert(key.to_owned(), ends);
        Ok(())
    }
}
