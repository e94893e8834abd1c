-- Clicks that were judged and that nothing looks back at. $1 before when. Uses click_judged.
DELETE FROM click WHERE verdict IS NOT NULL AND at < $1
