"""The vocabulary of the caption grammar."""

NUMBERS = {2: ("two", "2", "a pair of"), 3: ("three", "3"), 4: ("four", "4"), 5: ("five", "5")}

SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}

RELATION_PHRASES = {
    "left": ("to the left of", "left of", "left of", "on the left of"),
    "right": ("to the right of", "right of", "right of", "on the right of"),
    "above": ("above", "above", "over", "on top of"),
    "below": ("below", "below", "under", "beneath"),
}

SUBJECTS = {
    "city": (
        "a city skyline", "a city skyline", "a city", "a skyline", "the city skyline", "a big city", "skyscrapers",
        "a city with tall buildings", "downtown", "tall buildings", "a town skyline", "an urban skyline", "a modern city",
    ),
    "sea": (
        "the sea", "the ocean", "a calm sea", "the sea", "a seascape", "an ocean view", "the open sea", "a calm ocean",
        "waves on the sea", "a beach view over the sea", "the water", "a bay",
    ),
    "mountains": (
        "mountains", "a mountain range", "the mountains", "a mountain landscape", "mountain peaks", "high mountains",
        "a mountain", "the alps", "rocky mountains", "a mountain valley",
    ),
    "forest pine": ("a pine forest", "a forest", "a fir forest", "pine trees", "the woods", "a dark forest", "evergreen trees", "a spruce forest"),
    "forest autumn": ("an autumn forest", "a forest in autumn", "autumn trees", "fall foliage", "orange trees in autumn", "a forest in fall", "a red forest"),
    "forest green": ("a green forest", "a forest in summer", "a leafy forest", "green trees", "a summer forest", "a forest in spring"),
    "forest winter": ("a winter forest", "a snowy forest", "a forest in winter", "snow covered trees", "a forest under snow", "snowy pines"),
    "desert": ("a desert", "the desert", "sand dunes", "a sandy desert", "dunes", "desert dunes", "a desert landscape", "the sahara"),
    "planet": ("planet", "planet", "planet", "alien planet", "world", "gas giant"),
    "meadow": ("a meadow", "green hills", "rolling hills", "a field", "the countryside", "a green field", "a grassy meadow", "green fields"),
}

TIME_PHRASES = {
    "day": ("by day", "during the day", "in daylight", "at noon", "on a sunny day", "under a blue sky", "in the afternoon", "in the sunshine"),
    "sunset": ("at sunset", "at sunset", "in the evening", "under a red sky", "as the sun sets", "in the evening light", "during sunset", "in the golden hour"),
    "sunrise": ("at sunrise", "at sunrise", "in the morning", "at dawn", "in the early morning", "as the sun rises", "in the morning light"),
    "dusk": ("at dusk", "at dusk", "at twilight", "in the twilight", "after sunset", "in the blue hour"),
    "night": ("at night", "at night", "at night", "by night", "at midnight", "in the night", "in the dark", "under the stars", "under a night sky"),
}

TIME_ADJECTIVES = {
    "day": ("sunny", "daytime", "bright day", "noon"),
    "sunset": ("sunset", "evening", "golden hour"),
    "sunrise": ("sunrise", "morning", "dawn"),
    "dusk": ("dusk", "twilight", "blue hour"),
    "night": ("night", "nighttime", "midnight", "starry night"),
}

WEATHER = {
    "cloudy": ("with clouds", "under clouds", "and clouds", "with a cloudy sky", ", cloudy"),
    "rain": ("in the rain", "in rain", "with rain", ", rainy", "on a rainy day", "in heavy rain", "in a rain storm"),
    "fog": ("in fog", "in the mist", "with fog", ", misty", ", foggy", "in morning mist", "in the fog"),
    "storm": ("in a storm", "in a thunderstorm", "with lightning", ", stormy", "under a stormy sky", "with storm clouds", "in stormy weather"),
    "snow": ("in the snow", "with falling snow", "in snowfall", "while it snows", ", snowing", "in a snow storm"),
}

FRAMES = (
    "a picture of {}", "a photo of {}", "an illustration of {}", "a painting of {}", "draw {}", "an image of {}", "show me {}",
    "a view of {}", "{} illustration", "{} wallpaper", "a landscape of {}", "please draw {}", "i want {}", "make {}", "paint {}",
)

STYLES = {
    "poster": ("a flat poster of {}", "a poster of {}", "{}, flat poster", "{}, flat design", "a minimal poster of {}", "{} in flat colours", "{}, vector art"),
    "watercolour": (
        "a watercolour of {}", "{}, watercolour", "{} in watercolour", "a watercolor of {}", "{}, watercolor painting", "a watercolour painting of {}",
    ),
    "pixel": ("pixel art of {}", "{}, pixel art", "{} in pixel art style", "{} as pixel art", "{} in big pixels", "8 bit {}"),
    "line": ("a line drawing of {}", "{}, line drawing", "an ink drawing of {}", "{}, line art", "a sketch of {}", "a drawing of {} in black and white"),
    "pastel": ("a pastel drawing of {}", "{} in pastel colours", "{}, pastel", "{} in soft pastel colors", "{}, pastel colours"),
    "neon": ("{} in neon colours", "a neon {}", "{}, neon", "{} in neon light", "{}, neon style", "neon art of {}"),
}

ADJECTIVES = (
    "beautiful", "calm", "quiet", "lovely", "dramatic", "peaceful", "colourful", "colorful", "simple", "stunning",
    "pretty", "bright", "large", "small", "big", "little", "wonderful", "magical", "huge", "tiny", "nice",
)

SUFFIXES = (
    "highly detailed", "digital art", "4k", "minimal", "high quality", "beautiful light", "cinematic", "wide angle",
    "artstation", "best quality", "sharp", "8k wallpaper", "detailed",
)

STRANGERS = (
    "dragon", "cat", "dog", "horse", "robot", "castle", "car", "train", "person", "woman", "man", "child", "bird", "fish",
    "flying", "running", "inside", "outside", "under", "between", "very", "really", "some", "many", "this", "that", "which",
    "old", "new", "ancient", "futuristic", "cyberpunk", "fantasy", "tokyo", "paris", "london", "new york", "berlin", "vienna",
    "street", "road", "tower", "window", "glass", "wood", "stone", "gold", "silver", "music", "love", "hope", "time",
    "oil", "anime", "style", "render", "unreal", "engine", "portrait", "realistic", "photo", "camera",
    "summer", "holiday", "travel", "postcard", "please", "with", "without", "and", "or", "but", "near", "far", "from", "by",
    "blockchain", "token", "computer", "network", "science", "school", "kitchen", "table", "chair", "food", "apple", "coffee",
    "wild", "strange", "happy", "sad", "angry", "lonely", "epic", "retro", "vintage", "modern", "abstract", "surreal",
)
