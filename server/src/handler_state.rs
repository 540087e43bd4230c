//! What a handler may ask for by `State`.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::admin::{Admin, Operators};
use crate::admission::Admission;
use crate::app::App;
use crate::auth::Callers;
use crate::bids::Bids;
use crate::bounties::Bounties;
use crate::exchange::ExchangeAccess;
use crate::hub::session::SessionHost;
use crate::hub::{HubHandle, Intake};
use crate::large_bodies::LargeBodies;
use crate::log::Logs;
use crate::search::Search;
use crate::sign_in::SignIns;
use crate::sign_in::second_factor::SecondFactors;
use crate::status::Figures;
use crate::submit::Submission;
use crate::view::Views;
use crate::watch::JobWatch;
use crate::webhooks::WebhookAccess;

impl FromRef<Arc<App>> for Views {
    fn from_ref(app: &Arc<App>) -> Self {
        app.views()
    }
}

impl FromRef<Arc<App>> for WebhookAccess {
    fn from_ref(app: &Arc<App>) -> Self {
        app.webhooks()
    }
}

impl FromRef<Arc<App>> for Search {
    fn from_ref(app: &Arc<App>) -> Self {
        app.search()
    }
}

impl FromRef<Arc<App>> for Bids {
    fn from_ref(app: &Arc<App>) -> Self {
        let (submission, bell) = (app.submission(), Arc::clone(&app.bids_bell));
        Self { store: app.store.clone(), submission, figures: app.marketplace.clone(), bell }
    }
}

impl FromRef<Arc<App>> for Bounties {
    fn from_ref(app: &Arc<App>) -> Self {
        app.bounties()
    }
}

impl FromRef<Arc<App>> for JobWatch {
    fn from_ref(app: &Arc<App>) -> Self {
        app.watch()
    }
}

impl FromRef<Arc<App>> for Figures {
    fn from_ref(app: &Arc<App>) -> Self {
        app.figures()
    }
}

impl FromRef<Arc<App>> for Logs {
    fn from_ref(app: &Arc<App>) -> Self {
        app.logs()
    }
}

impl FromRef<Arc<App>> for Callers {
    fn from_ref(app: &Arc<App>) -> Self {
        app.callers()
    }
}

impl FromRef<Arc<App>> for Operators {
    fn from_ref(app: &Arc<App>) -> Self {
        app.operators.clone()
    }
}

impl FromRef<Arc<App>> for Admin {
    fn from_ref(app: &Arc<App>) -> Self {
        app.admin()
    }
}

impl FromRef<Arc<App>> for SignIns {
    fn from_ref(app: &Arc<App>) -> Self {
        app.sign_ins()
    }
}

impl FromRef<Arc<App>> for SecondFactors {
    fn from_ref(app: &Arc<App>) -> Self {
        app.second_factors()
    }
}

impl FromRef<Arc<App>> for Submission {
    fn from_ref(app: &Arc<App>) -> Self {
        app.submission()
    }
}

impl FromRef<Arc<App>> for Intake {
    fn from_ref(app: &Arc<App>) -> Self {
        app.intake()
    }
}

impl FromRef<Arc<App>> for LargeBodies {
    fn from_ref(app: &Arc<App>) -> Self {
        app.large_bodies.clone()
    }
}

impl FromRef<Arc<App>> for Admission {
    fn from_ref(app: &Arc<App>) -> Self {
        app.admission()
    }
}

impl FromRef<Arc<App>> for SessionHost {
    fn from_ref(app: &Arc<App>) -> Self {
        app.session_host()
    }
}

impl FromRef<Arc<App>> for ExchangeAccess {
    fn from_ref(app: &Arc<App>) -> Self {
        app.exchange_access()
    }
}

impl FromRef<Arc<App>> for HubHandle {
    fn from_ref(app: &Arc<App>) -> Self {
        app.hub.clone()
    }
}
