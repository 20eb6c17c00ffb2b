//! Steps: requests one after the other, conversations, raw bytes, and what later steps keep of the answers.

use dialect::Said;
use scenario::{Conversation, Data, Errand, Manner, Step};

use crate::trial::captures::{Answered, capture};
use crate::trial::manners::{in_manner, sending};
use crate::trial::requests::Use;
use crate::trial::traffic::{TrafficError, Travel};

impl Travel<'_> {
    /// Sends what a step sends, and keeps what it captures.
    pub(crate) async fn step(&mut self, step: &Step) -> Result<(), TrafficError> {
        let name = self.begin(&step.name).await;
        let mut last = Answered::default();
        for nth in 0..u64::from(step.repeat) {
            self.values.set_number("exchange", "nth", nth + 1);
            last = match &step.errand {
                Errand::Send(send) => {
                    let turn = usize::try_from(nth).unwrap_or(0) % send.cycle.len();
                    let round = nth / send.cycle.len() as u64;
                    self.send(name, &send.cycle[turn], &step.manner, (nth, round)).await?
                }
                Errand::Get(get) => {
                    let request = self.maker().get(get, nth)?;
                    self.exchange(name, request, &step.manner, None).await?
                }
                Errand::Converse(talk) => self.converse(name, talk, &step.manner, nth).await?,
                Errand::Raw(data) => self.raw(name, data, &step.manner, nth).await?,
            };
        }
        let captured = capture(&step.capture, &last, &mut self.values);
        self.end(&step.name).await;
        captured.map_err(|why| TrafficError::Capture { step: step.name.value.clone(), why })
    }

    async fn send(
        &self,
        step: record::NameId,
        variation: &scenario::Variation,
        manner: &Manner,
        (nth, turn): (u64, u64),
    ) -> Result<Answered, TrafficError> {
        let Some(request) = self.road.scenario.requests.get(&variation.like.value) else {
            // Told by `check`: a scenario that is run has no such variation.
            return Ok(Answered::default());
        };
        let asked = variation.over(request);
        let of = Use { nth, turn, values: &self.values, said: &[] };
        let made = self.maker().make(&variation.like.value, &asked, Self::addressee(manner), of)?;
        self.exchange(step, made, manner, asked.model_name()).await
    }

    /// Each turn carries what was said before, the target's own answers included.
    async fn converse(
        &self,
        step: record::NameId,
        talk: &Conversation,
        manner: &Manner,
        nth: u64,
    ) -> Result<Answered, TrafficError> {
        let Some(request) = self.road.scenario.requests.get(&talk.like.value) else {
            return Ok(Answered::default());
        };
        let mut said: Vec<Said> = Vec::new();
        let mut last = Answered::default();
        for turn in &talk.turns {
            let asked = scenario::Request { prompt: Some(turn.clone()), ..request.clone() };
            let of = Use { nth, turn: nth, values: &self.values, said: &said };
            let made = self.maker().make(&talk.like.value, &asked, Self::addressee(manner), of)?;
            last = self.exchange(step, made, manner, asked.model_name()).await?;
            let text = self.maker().text(turn, Use { nth, turn: nth, values: &self.values, said: &[] })?;
            said.push(Said { by_assistant: false, text });
            said.push(Said { by_assistant: true, text: last.text.clone() });
        }
        Ok(last)
    }

    async fn raw(
        &self,
        step: record::NameId,
        data: &Data,
        manner: &Manner,
        nth: u64,
    ) -> Result<Answered, TrafficError> {
        let bytes = self.maker().data(data, Use { nth, turn: nth, values: &self.values, said: &[] })?;
        self.exchange(step, load::Request::raw(bytes), manner, None).await
    }

    /// Sends something in a manner. `model` is the one that it asks for.
    async fn exchange(
        &self,
        step: record::NameId,
        request: load::Request,
        manner: &Manner,
        model: Option<&str>,
    ) -> Result<Answered, TrafficError> {
        let request = in_manner(request, manner);
        let to = self.address(manner, model)?;
        let sending = sending(manner, self, self.scripted_contents(model));
        let sent = self.client.send(to, step, &request, &sending).await;
        let got = sent.map_err(|cap| self.capped(cap))?;
        Ok(Answered { status: got.row.status, headers: got.headers, body: got.body, text: got.text })
    }

    /// Into how many contents the normal answer to a model is cut, for clients that leave after a share of them.
    pub(crate) fn scripted_contents(&self, model: Option<&str>) -> u32 {
        let world = &self.road.scenario.world;
        let upstream = model
            .and_then(|model| world.router.models.get(model))
            .and_then(|settings| settings.upstreams().next())
            .and_then(|name| world.upstreams.get(&name.value));
        upstream.map_or(1, |upstream| upstream::contents_of(&upstream.reply, self.road.seed))
    }
}
