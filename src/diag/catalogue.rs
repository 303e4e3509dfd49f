//! Every code there is: `E01` reading, `E02` shape, `E03` layers, `E04` values, `E05` against each other,
//! `E06` plan files, `E07` settings, `E08` what is to be imported.
//!
//! A code is for ever: it is never given another meaning, and a retired one leaves a gap.

use super::Severity;

macro_rules! catalogue {
    ($($name:ident $id:literal $severity:ident $slug:literal $explain:literal)*) => {
        /// What kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $explain] $name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `E0101`: stable, what scripts and `explain` use.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// `yaml::syntax`: the same for people.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Why it is refused and the ways out.
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$name => $explain,)* }
            }
        }
    };
}

catalogue! {
    Unreadable "E0101" Error "source::unreadable"
        "A file or directory of the fleet could not be read, or is not UTF-8 text. Nothing is planned from half a fleet: make it readable, or take it out of the directory."
    TooLarge "E0102" Error "source::too-large"
        "There is more of it than people ever write, and reading on would take memory and time without end: a file of more than 4 MiB, 200,000 values or 64 aliases, a document that nests deeper than 32 or has more than 20,000 values, a fleet of more than 50,000 files, 64 MiB or 2,000,000 values (what a cluster inherits counts for each), or more mistakes than anybody mends at once. Split a file into several under `clusters/`, and a fleet into several; look for a link that leads out of the directory."
    YamlSyntax "E0103" Error "yaml::syntax"
        "The file is not YAML 1.2. Quote strings that begin with a special character, indent with spaces, and close what was opened."
    DuplicateKey "E0104" Error "yaml::duplicate-key"
        "The same key is written twice in one mapping. Most tools take the last one in silence; here it is an error, since one of the two authors believes in the other value."
    MergeKey "E0105" Error "yaml::merge-key"
        "YAML merge keys (`<<`) are not taken: desired state must read as written. Shared values belong into `spec.defaults` or `spec.profiles` of fleet.yaml."
    EmptyFile "E0106" Warning "yaml::empty"
        "A file of the fleet holds no document. If a cluster was meant to leave the fleet, delete the file: an empty one looks like an accident."
    GitUnreadable "E0107" Warning "source::git"
        "The fleet lies in a Git checkout that could not be read, so its commit is unknown: plans do not name it, and an apply cannot tell whether a newer commit was applied before."

    ApiVersion "E0201" Error "document::api-version"
        "`apiVersion` must be `reconcile/v1alpha1`."
    Kind "E0202" Error "document::kind"
        "`kind` must be `Fleet` or `EtcdCluster`."
    UnknownField "E0203" Error "schema::unknown-field"
        "The key is not part of the schema at this place. Unknown keys are refused, never ignored: a typing error in `policy` would else be found on the day it matters. `reconcile schema cluster` prints all keys."
    NotYet "E0204" Error "schema::not-yet"
        "The field is part of the design, but this version of reconcile cannot act on it yet. It is refused rather than ignored; take it out until it is supported."
    WrongType "E0205" Error "schema::type"
        "The value has another type than the field wants. Quote values that YAML reads as numbers or booleans (`3.10` is the number 3.1); leave a key out instead of giving it no value."
    MissingField "E0206" Error "schema::missing"
        "A required field is set neither in the document nor, for a cluster's spec, in its profile or the fleet's defaults."
    NotAllowed "E0207" Error "schema::value"
        "The value is not among those the field takes, or outside its bounds."
    BadName "E0208" Error "schema::name"
        "Names become Kubernetes object names and labels, so they follow Kubernetes' rules: lower-case letters, digits and `-`, beginning and ending with a letter or digit."
    BadQuantity "E0209" Error "schema::quantity"
        "A quantity is a number with an optional Kubernetes suffix: `16Gi`, `500M`, `300m`."
    BadDuration "E0210" Error "schema::duration"
        "A duration is a number with a unit, or several of them: `100ms`, `1s`, `1h30m`."
    BadVersion "E0211" Error "schema::version"
        "An etcd version is `major.minor.patch`, without `v` and suffix: `3.6.16`."
    KubernetesShape "E0212" Error "schema::kubernetes"
        "The value is passed to Kubernetes, but is not of the shape Kubernetes defines for it."

    NoFleet "E0301" Error "fleet::missing"
        "A fleet is a directory with a `fleet.yaml` that holds a `kind: Fleet` document, and `clusters/**/*.yaml`."
    SecondFleet "E0302" Error "fleet::second"
        "There is one `kind: Fleet` document in a fleet. To share it between fleets, generate it."
    Misplaced "E0303" Error "fleet::misplaced"
        "`kind: Fleet` belongs into `fleet.yaml`, `kind: EtcdCluster` into a file under `clusters/`."
    DuplicateId "E0304" Error "fleet::duplicate"
        "Two documents describe the same cluster: either they have the same `<context>/<name>`, or their objects would have the same names in the same namespace. Two owners would undo each other's work for ever."
    UnknownContext "E0305" Error "fleet::unknown-context"
        "`spec.context` names a context that `spec.contexts` of fleet.yaml does not have."
    UnknownProfile "E0306" Error "fleet::unknown-profile"
        "`spec.profile` names a profile that `spec.profiles` of fleet.yaml does not have."
    ProfileInLayer "E0307" Error "fleet::nested-profile"
        "`profile` can only be set by a cluster: profiles and defaults do not refer to each other, so that the origin of every value is one look away."
    UnknownCanary "E0308" Error "fleet::unknown-canary"
        "`spec.rollout.canary` names a cluster (`<context>/<name>`) that is not in the fleet. A canary that never runs protects nobody."
    ContextSource "E0309" Error "fleet::context-source"
        "A context says in exactly one way how to reach its Kubernetes cluster: `kubeContext`, `kubeconfig` or `inCluster`."

    UnsupportedVersion "E0401" Error "version::unsupported"
        "reconcile knows the procedures of etcd 3.5, 3.6 and 3.7. Older minors have reached their end of life; newer ones need a newer reconcile."
    KnownBug "E0402" Error "version::known-bug"
        "The version has a bug that loses data or membership under the procedures reconcile performs, so it is refused as a target. A cluster that runs it today can be upgraded from it."
    SecurityFix "E0403" Warning "version::security"
        "A later patch of the same minor fixes a security hole."
    ImageVersion "E0404" Error "image::version"
        "The image's tag names another version than `version`. Leave the tag out (it becomes `v<version>`), or write `{version}` where the version stands."
    EvenMembers "E0405" Error "members::even"
        "An even number of voters survives no more failures than one voter less, and has one more that can fail. Set `policy.allowEvenMembers` to keep it all the same."
    ManyMembers "E0406" Warning "members::many"
        "Seven voters survive three failures, but every write waits for four of them. Five are enough for nearly everyone."
    NameTooLong "E0407" Error "name::too-long"
        "The objects' base name may have at most 52 characters: the StatefulSet controller adds a hash of 11 to it in a label, and a label's value ends at 63 (kubernetes/kubernetes#64023). `-peer` and the ordinals fit within that."
    NameForService "E0408" Error "name::service"
        "Services are named after the cluster, and a Service's name begins with a letter. Give another name in `backend.statefulSet.name`."
    ReservedLabel "E0409" Error "name::reserved"
        "Labels and annotations of `reconcile/` and `app.kubernetes.io/` are how reconcile finds its objects; they cannot be set."

    QuotaAboveVolume "E0501" Error "etcd::quota-above-volume"
        "etcd would fill its volume before it reaches its quota: instead of an alarm that can be disarmed there is a member that cannot write its log, and crashes. Make the volume larger or the quota smaller."
    QuotaNearVolume "E0502" Warning "etcd::quota-near-volume"
        "The volume holds the database, the write-ahead log and, while defragmenting or receiving a snapshot, a second copy of the database. A quota above 40 % of the volume leaves no room for that."
    QuotaLarge "E0503" Warning "etcd::quota-large"
        "etcd is tested up to 8 GiB; a member with more needs minutes to start, to defragment and to catch up."
    ElectionTimeout "E0504" Error "etcd::election-timeout"
        "etcd refuses to start unless the election timeout is at least five heartbeat intervals and at most 50 s."
    Retention "E0505" Error "etcd::retention"
        "`retention` is a duration (`30m`) with `mode: periodic`, and a count of revisions (`1000`) with `mode: revision`. A bare number with `periodic` means hours to etcd, which is why it is not taken."
    ExtraUnknown "E0506" Error "etcd::extra-unknown"
        "The key is not in the configuration file of that etcd version. etcd ignores unknown keys of its file in silence, so it would have no effect."
    ExtraOwned "E0507" Error "etcd::extra-owned"
        "reconcile writes this key itself: identity, membership, addresses, volume, TLS, and everything that has a field of its own."
    ExtraType "E0508" Error "etcd::extra-type"
        "etcd exits when a value in its configuration file has another type. Durations are whole nanoseconds there, not texts."
    MinTolerance "E0509" Error "policy::min-tolerance"
        "With `n` voters, `n - quorum` may fail at most. A policy that asks for more could never be kept, so every step would be refused."
    ClientCert "E0510" Error "tls::client-cert"
        "With `tls.client`, members ask for client certificates, so reconcile needs one: name its Secret in `access.clientCertSecretName`. Without `tls.client` that Secret would not be used."
    MemoryBelowQuota "E0511" Warning "resources::memory"
        "etcd maps its whole database into memory. With a memory limit below the quota the kernel kills members as the database grows."
    StoreKind "E0512" Error "backup::store"
        "Snapshots go to one place: `path`, `s3`, `gcs` or `azure`. Two of them may have met where a cluster's `backup.store` was laid over its profile's or the defaults'."
    RequireStore "E0513" Error "policy::require-store"
        "`policy.requireStore` is set and the cluster has no `backup.store`, so that its snapshots would stay on the machine that reconcile runs on. Name a store, or take the policy out."
    Offline "E0514" Error "storage::offline"
        "`storage.migration.strategy: offline` stops the only member while its data is copied to another volume. It wants `policy.allowDowntime: true`, `members: 1` (more than one move without downtime: leave the strategy out) and `storage.migration.copyImage`, an image with a shell and `cp`, since etcd's has neither."

    PlanUnreadable "E0601" Error "plan::unreadable"
        "The plan file could not be read, or is not UTF-8 text. `reconcile plan --out FILE` writes one."
    PlanSyntax "E0602" Error "plan::syntax"
        "A plan file is JSON, as `reconcile plan --out FILE` and `reconcile plan -o json` write it. This one is not, or ends in the middle: plan again."
    PlanKind "E0603" Error "plan::kind"
        "The file is not a plan: its `schema` is not `reconcile.plan/v1`. Recordings are replayed with `--observed`, sandboxes with `--sandbox`, a fleet is named by its directory."
    PlanVersion "E0604" Error "plan::version"
        "The plan was written in a newer format than this version reads. Within a format versions only add fields, which older ones leave aside; across formats nothing is guessed. Use the version that wrote the plan, or plan again with this one."
    PlanShape "E0605" Error "plan::shape"
        "A field of the plan file is missing or has another type than the format says (`reconcile schema plan`), or names something that this version does not know. Plan files are not written by hand: plan again."
    PlanEdited "E0606" Error "plan::edited"
        "The steps in the plan file are not those of the hash in it, so somebody changed one of the two after the plan was made. What was reviewed is not known any more: such a plan is shown and never applied. Plan again."

    SettingsSyntax "E0701" Error "settings::syntax"
        "`.reconcile.toml` is not TOML. Texts are quoted, as in `color = \"never\"`, and every key stands once."
    SettingsKey "E0702" Error "settings::unknown-key"
        "The key is no setting. Unknown keys are refused, never ignored: a gate whose `fail-on` is misspelt would let through what it was meant to stop. `reconcile settings` names all of them."
    SettingsValue "E0703" Error "settings::value"
        "The setting does not take this value. It is checked as the option of the same name is; `reconcile --help` says what that takes."

    ImportAbsent "E0801" Error "import::absent"
        "The namespace or the StatefulSet is not there. `--namespace` and `--statefulset` name what is written into a document; what is taken over (`--adopt`) the document names itself, in `backend.statefulSet`."
    ImportContainer "E0802" Error "import::no-container"
        "The StatefulSet has no container that could run etcd. `--statefulset` names another."
    ImportVersion "E0803" Error "import::version"
        "A document says which version of etcd runs. No member could be asked, and the tag of the image is none: see that the members can be reached, or give `--etcd-version`."
    ImportClaim "E0804" Error "import::no-claim"
        "The members keep their data on no claim of their own (`volumeClaimTemplates`), so it goes with their pods. reconcile keeps each member's data on a claim, and no member that runs can be given one: make a new cluster, and move its clients."
    ImportActed "E0805" Error "import::another-controller"
        "An operator, Argo CD, Flux, Helm or an autoscaler owns, tracks or scales one of the objects. Two actors on one cluster undo each other, and each one's guards count without the other. Take the object out of what the other manages first."
    ImportByHand "E0806" Error "import::by-hand"
        "Only what reconcile made for another fleet can be taken over. Of what was made in another way the selector, the claims and the addresses of the members are others, and cannot change. Its document is good for a new cluster beside it, with a `backend.statefulSet.name` of its own."
    ImportOtherName "E0807" Error "import::other-name"
        "The objects are those of a cluster with another name. The name is in the selector of the StatefulSet, which cannot change: call the cluster so in its document too (`metadata.name`)."
    ImportHeld "E0808" Error "import::held"
        "A run of the other fleet is at work on the cluster and holds its lock. What it has begun it must end: wait for it, or end it. A lock that a dead run left is over by itself after 30 s."
}
